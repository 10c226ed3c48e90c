#!/usr/bin/env python3
"""Makes the checkpoints beside this file and what Hugging Face transformers computes with them.

    pip install torch==2.7.1 transformers==4.57.6 safetensors==0.8.0 numpy
    python make_fixtures.py [NAME ...]

Each folder is a tiny random model as save_pretrained writes it (without tokenizer), with

  expected.json         prompts; greedy continuations; training examples, settings and losses
  expected.safetensors  "logits.I": [positions, vocabulary] of the last positions of prompt I;
                        "trained.0": those of prompt 0 after the training steps;
                        "beyond": [1, vocabulary] after the last token of the prompt of that name,
                        which is longer than the model's context

Everything is computed in float32 on the CPU with eager attention, one text at a time; weights in
float16 or bfloat16 are widened first. A step's loss is the sum of the negative log-likelihoods of
the trained tokens of all its examples, divided by their number; the gradient is clipped by its
global norm; torch.optim.AdamW does the rest, with weight decay on matrices alone. Greedy
continuations follow from the logits of the whole text so far, and are held against generate().
"""

import json
import pathlib
import random
import shutil
import sys

import torch
import transformers
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
STEPS = 5
KEPT_POSITIONS = 24
TRAINING = {"learningRate": 1e-3, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8,
            "weightDecay": 0.1, "clipNorm": 1.0}

SMALL = {"vocab_size": 61, "hidden_size": 32, "intermediate_size": 44, "num_hidden_layers": 2,
         "num_attention_heads": 4, "max_position_embeddings": 128, "pad_token_id": None,
         "bos_token_id": 1, "eos_token_id": 2}


def factors(count, seed):
    draw = random.Random(seed)
    return [round(1 + 4 * draw.random(), 3) for _ in range(count)]


LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 16}

# name: (architecture, fields beside SMALL's, prompt lengths, how it is stored)
VARIANTS = {
    "llama2": ("Llama", {"rms_norm_eps": 1e-5}, [1, 9, 33], {}),
    "llama3": ("Llama", {"num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 8,
                         "rope_theta": 500000.0, "tie_word_embeddings": True,
                         "eos_token_id": [2, 7, 11]}, [5, 20], {}),
    "llama3.1": ("Llama", {"num_key_value_heads": 2, "rope_theta": 500000.0, "pad_token_id": 5,
                           "rope_scaling": LLAMA3}, [7, 16, 60], {}),
    "llama-linear-biases": ("Llama", {"num_key_value_heads": 1, "head_dim": 12,
                                      "attention_bias": True, "mlp_bias": True,
                                      "rope_scaling": {"type": "linear", "factor": 2.5}},
                            [6, 31], {}),
    "llama-dynamic": ("Llama", {"num_attention_heads": 3, "head_dim": 6, "vocab_size": 53,
                                "rope_scaling": {"rope_type": "dynamic", "factor": 3.0}},
                      [8, 40], {}),
    "llama-yarn": ("Llama", {"num_key_value_heads": 2, "head_dim": 16, "rope_theta": 500.0,
                             "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "beta_fast": 8.0,
                                              "original_max_position_embeddings": 32}},
                   [10, 50], {}),
    "llama-long": ("Llama", {"max_position_embeddings": 2048, "num_key_value_heads": 2},
                   [1200], {}),
    "llama-bf16-sharded": ("Llama", {"num_key_value_heads": 2, "num_hidden_layers": 3}, [10, 21],
                           {"dtype": torch.bfloat16, "shard": "16KB"}),
    "llama-fp16": ("Llama", {"num_key_value_heads": 4, "tie_word_embeddings": True}, [4, 25],
                   {"dtype": torch.float16}),
    "mistral": ("Mistral", {"num_key_value_heads": 2, "sliding_window": 5, "num_hidden_layers": 3},
                [3, 5, 30], {}),
    "mistral-whole-text": ("Mistral", {"num_key_value_heads": 1, "sliding_window": None,
                                       "head_dim": 10, "tie_word_embeddings": True}, [12, 26], {}),
    "mistral-window-1": ("Mistral", {"num_hidden_layers": 1, "num_attention_heads": 5,
                                     "num_key_value_heads": 5, "head_dim": 4, "vocab_size": 37,
                                     "sliding_window": 1}, [2, 17], {}),
    "mistral-defaults": ("Mistral", {"num_attention_heads": 8, "num_key_value_heads": 8,
                                     "max_position_embeddings": 131072}, [11, 19],
                         {"without": ["num_key_value_heads", "sliding_window", "rms_norm_eps",
                                      "rope_theta", "hidden_act", "max_position_embeddings",
                                      "tie_word_embeddings", "head_dim", "attention_dropout"]}),
    "phi3": ("Phi3", {"num_key_value_heads": 2, "sliding_window": 7}, [6, 28], {}),
    "phi3-longrope": ("Phi3", {"original_max_position_embeddings": 20, "rope_scaling": {
        "type": "longrope", "short_factor": factors(4, 1), "long_factor": factors(4, 2)}},
        [9, 14, 20, 21, 50], {}),
    "phi3-partial": ("Phi3", {"num_key_value_heads": 1, "hidden_size": 48,
                              "partial_rotary_factor": 0.5, "tie_word_embeddings": True,
                              "original_max_position_embeddings": 24, "rope_scaling": {
                                  "type": "longrope", "short_factor": factors(3, 3),
                                  "long_factor": factors(3, 4)}}, [13, 22, 37],
                     {"dtype": torch.bfloat16}),
    "qwen2": ("Qwen2", {"num_key_value_heads": 2, "tie_word_embeddings": True,
                        "rope_theta": 1e6}, [7, 29], {}),
    "qwen2-windows": ("Qwen2", {"num_attention_heads": 6, "num_key_value_heads": 3, "head_dim": 6,
                                "num_hidden_layers": 3, "use_sliding_window": True,
                                "sliding_window": 4, "max_window_layers": 1}, [4, 5, 23], {}),
    "qwen2-yarn": ("Qwen2", {"num_key_value_heads": 2, "head_dim": 12, "rope_theta": 1000.0,
                             "rope_scaling": {"type": "yarn", "factor": 3.0, "mscale": 0.7,
                                              "mscale_all_dim": 0.3, "truncate": False,
                                              "beta_slow": 0.5}}, [9, 41], {}),
    "qwen2-defaults": ("Qwen2", {"num_attention_heads": 32, "num_key_value_heads": 32,
                                 "hidden_size": 64, "max_position_embeddings": 32768}, [15],
                       {"without": ["num_attention_heads", "num_key_value_heads", "rms_norm_eps",
                                    "rope_theta", "hidden_act", "max_position_embeddings",
                                    "use_sliding_window", "max_window_layers", "sliding_window",
                                    "layer_types", "rope_scaling", "tie_word_embeddings"]}),
    "gemma2": ("Gemma2", {"num_key_value_heads": 2, "head_dim": 10, "num_hidden_layers": 3,
                          "query_pre_attn_scalar": 7, "sliding_window": 6, "pad_token_id": 0,
                          "attn_logit_softcapping": 2.0, "final_logit_softcapping": 6.0},
               [5, 6, 32], {}),
    "gemma2-uncapped": ("Gemma2", {"num_key_value_heads": 1, "head_dim": 8, "pad_token_id": 0,
                                   "num_attention_heads": 3, "attention_bias": True,
                                   "layer_types": ["full_attention", "sliding_attention"],
                                   "sliding_window": 3, "attn_logit_softcapping": None,
                                   "final_logit_softcapping": None,
                                   "tie_word_embeddings": False}, [18], {}),
}


def build(name):
    architecture, fields, lengths, stored = VARIANTS[name]
    config = getattr(transformers, architecture + "Config")(**{**SMALL, **fields})
    config._attn_implementation = "eager"
    torch.manual_seed(sum(name.encode()))
    model = getattr(transformers, architecture + "ForCausalLM")(config).float().eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if parameter_name.endswith("norm.weight"):
                parameter.uniform_(0.5, 1.5)
                if architecture == "Gemma2":
                    parameter.sub_(1)
            elif parameter_name.endswith(".bias"):
                parameter.normal_(0, 0.4)
            elif "embed" in parameter_name or "lm_head" in parameter_name:
                parameter.normal_(0, 0.5)
            else:
                parameter.normal_(0, 1.2 / parameter.shape[1] ** 0.5)
            if "dtype" in stored:
                parameter.copy_(parameter.to(stored["dtype"]).float())
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    save(model, folder, stored)
    again = getattr(transformers, architecture + "ForCausalLM").from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    for (a, one), (b, two) in zip(model.named_parameters(), again.named_parameters()):
        assert a == b and torch.equal(one, two), (a, b)
    expect(again, lengths, folder, architecture != "Gemma2")


def save(model, folder, stored):
    dtype = stored.get("dtype", torch.float32)
    model.to(dtype).save_pretrained(folder, max_shard_size=stored.get("shard", "1GB"))
    model.float()
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for field in stored.get("without", []):
        config.pop(field, None)
    path.write_text(json.dumps(config, indent=2) + "\n")


def logits(model, tokens):
    with torch.no_grad():
        return model(torch.tensor([tokens]), use_cache=False).logits[0]


def expect(model, lengths, folder, trained):
    config = model.config
    draw = random.Random(str(folder.name))
    ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]

    def tokens(length):
        return [draw.randrange(config.vocab_size) for _ in range(length)]

    expected = {"prompts": [], "greedy": [], "scored": []}
    tensors = {}
    for index, length in enumerate(lengths):
        prompt = tokens(length)
        kept = min(length, KEPT_POSITIONS)
        tensors[f"logits.{index}"] = logits(model, prompt)[-kept:].contiguous()
        new = []
        while len(new) < 16 and (not new or new[-1] not in ends):
            top = logits(model, prompt + new)[-1].topk(2)
            assert top.values[0] - top.values[1] > 1e-3, "a near tie; take another seed"
            new.append(int(top.indices[0]))
        # Without cache: that of transformers 4.57 forgets nothing at a window of 1, and where
        # LongRoPE changes its factors it is made anew without causal mask.
        generated = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=16,
                                   use_cache=False,
                                   attention_mask=torch.ones(1, length, dtype=torch.long),
                                   pad_token_id=0, eos_token_id=ends)[0, length:].tolist()
        assert generated == new, (folder.name, generated, new)
        expected["prompts"].append(prompt)
        expected["greedy"].append(new)
    if config.max_position_embeddings <= 128:
        other = random.Random(folder.name + " beyond")
        expected["beyond"] = [other.randrange(config.vocab_size)
                              for _ in range(config.max_position_embeddings * 3 // 2)]
        tensors["beyond"] = logits(model, expected["beyond"])[-1:].contiguous()
    if trained:
        train(model, config, lengths, tokens, draw, expected, tensors)
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")
    save_file(tensors, folder / "expected.safetensors")


def train(model, config, lengths, tokens, draw, expected, tensors):
    groups = [[p for p in model.parameters() if (p.dim() > 1) == matrices]
              for matrices in (True, False)]
    optimizer = torch.optim.AdamW(
        [{"params": groups[0], "weight_decay": TRAINING["weightDecay"]},
         {"params": groups[1], "weight_decay": 0.0}],
        lr=TRAINING["learningRate"], betas=(TRAINING["beta1"], TRAINING["beta2"]),
        eps=TRAINING["epsilon"])
    expected["training"] = {"settings": TRAINING, "batches": [], "losses": []}
    for _ in range(STEPS):
        batch = []
        for length in [6, 13, max(lengths) % 100 + 2]:
            batch.append({"tokens": tokens(length),
                          "trained": [i > 0 and draw.random() < 0.6 for i in range(length)]})
        batch[0]["trained"] = [False] * 3 + [True] * 2 + [False]
        count = sum(sum(example["trained"]) for example in batch)
        optimizer.zero_grad()
        total = 0.0
        for example in batch:
            ids = torch.tensor(example["tokens"])
            mask = torch.tensor(example["trained"])
            out = model(ids[None], use_cache=False).logits[0]
            loss = torch.nn.functional.cross_entropy(out[:-1][mask[1:]], ids[1:][mask[1:]],
                                                     reduction="sum") / count
            loss.backward()
            total += float(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), TRAINING["clipNorm"])
        optimizer.step()
        expected["training"]["batches"].append(batch)
        expected["training"]["losses"].append(total)
    prompt = expected["prompts"][0]
    tensors["trained.0"] = logits(model, prompt)[-KEPT_POSITIONS:].contiguous()


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in sys.argv[1:] or VARIANTS:
        build(each)
        print(each, flush=True)
