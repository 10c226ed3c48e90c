"""The calls of `polyphony bench iteration --json`, once more with transformers and PyTorch: the same shapes, random tokens.

python bench_iteration.py REPORT.json [THREADS]. Prints wall seconds and tokens/s of each kind of work beside the report's.
Sampling goes token by token with a key-value cache; what is scored keeps the log-probabilities of the scored tokens'
vocabulary, as the report's calls do; training is AdamW in 32-bit floats, all texts of a step in one padded batch.
"""

import json
import sys
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

report = json.load(open(sys.argv[1]))
torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 2)
shape = report["shape"]
config = LlamaConfig(
    vocab_size=shape["vocabularySize"],
    hidden_size=shape["hiddenSize"],
    intermediate_size=shape["intermediateSize"],
    num_hidden_layers=shape["layers"],
    num_attention_heads=shape["heads"],
    num_key_value_heads=shape["keyValueHeads"],
    max_position_embeddings=shape["maxPositions"],
    tie_word_embeddings=False,
)
torch.manual_seed(0)
model = LlamaForCausalLM(config)


def texts(lengths):
    """Left-padded, as decoding wants it."""
    longest = max(lengths)
    mask = torch.zeros(len(lengths), longest, dtype=torch.long)
    for row, length in enumerate(lengths):
        mask[row, longest - length :] = 1
    return torch.randint(3, config.vocab_size, mask.shape), mask


@torch.no_grad()
def sample(lengths, made):
    ids, mask = texts(lengths)
    limit = max(made)
    model.generate(
        input_ids=ids, attention_mask=mask, do_sample=True, top_k=0, top_p=0.9, temperature=1.0,
        min_new_tokens=limit, max_new_tokens=limit, pad_token_id=0, eos_token_id=2,
    )


@torch.no_grad()
def score(lengths, made):
    ids, mask = texts(lengths)
    hidden = model.model(input_ids=ids, attention_mask=mask).last_hidden_state
    wanted = torch.cat([hidden[row, -count - 1 : -1] for row, count in enumerate(made)])
    torch.log_softmax(model.lm_head(wanted), -1)


optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, betas=(0.9, 0.99), weight_decay=0.0, fused=True)


def train(lengths, made):
    ids, mask = texts(lengths)
    optimizer.zero_grad(set_to_none=False)
    hidden = model.model(input_ids=ids, attention_mask=mask).last_hidden_state
    wanted = torch.cat([hidden[row, -count - 1 : -1] for row, count in enumerate(made)])
    targets = torch.cat([ids[row, -count:] for row, count in enumerate(made)])
    torch.nn.functional.cross_entropy(model.lm_head(wanted), targets).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


kinds = {"sample": sample, "score": score, "train": train}
print(f"{'':8} {'calls':>6} {'seconds':>9} {'report':>9} {'tokens/s':>9} {'report':>9} {'ratio':>6}")
for kind, call in kinds.items():
    work = report["work"][kind]
    model.train(kind == "train")
    call(**work["calls"][0])  # warm-up
    start = time.perf_counter()
    for each in work["calls"]:
        call(**each)
    seconds = time.perf_counter() - start
    print(
        f"{kind:8} {len(work['calls']):6} {seconds:9.1f} {work['seconds']:9.1f} {work['tokens'] / seconds:9.0f} "
        f"{work['tokens'] / work['seconds']:9.0f} {seconds / work['seconds']:6.2f}"
    )
