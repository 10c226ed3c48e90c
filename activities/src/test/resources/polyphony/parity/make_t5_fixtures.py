"""Tiny T5 encoders with random weights, and what transformers makes of a few texts with them.

Written with torch 2.7.1, transformers 4.57.6 and tokenizers 0.22, into ../encoders: python make_t5_fixtures.py. The
tokenizers have other vocabularies every time.
"""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel, T5ForConditionalGeneration

TEXTS = [
    "The answer is 42.",
    "First 3*4=12, then 12+5=17, and 17-8*2=1; so the final answer is 1. I am sure of it.",
    "no",
    "Der Zähler ist größer als der Nenner, d. h. 7/3 > 2.",
]


def tokenizer(folder):
    unigram = Tokenizer(models.Unigram())
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    unigram.decoder = decoders.Metaspace()
    unigram.train_from_iterator(
        TEXTS[:2] * 4,
        trainers.UnigramTrainer(
            vocab_size=60, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
        ),
    )
    unigram.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=unigram, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=512
    )
    fast.save_pretrained(folder)
    return fast


def fixture(name, kind, config):
    torch.manual_seed(len(name))
    folder = Path(__file__).resolve().parent.parent / "encoders" / name
    model = kind(config).eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            center = 1.0 if "layer_norm" in parameter_name else 0.0
            parameter.copy_(center + 0.3 * torch.randn_like(parameter))
    model.save_pretrained(folder, safe_serialization=True)
    fast = tokenizer(folder)
    batch = fast(TEXTS, padding=True, return_tensors="pt")
    mask = batch["attention_mask"]
    with torch.no_grad():
        hidden = model.get_encoder()(input_ids=batch["input_ids"], attention_mask=mask).last_hidden_state
    pooled = (hidden * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)
    expected = [
        {
            "text": text,
            "tokens": ids[: int(length)].tolist(),
            "hidden": [[round(x, 7) for x in state] for state in states[: int(length)].tolist()],
            "embedding": [round(x, 7) for x in embedding.tolist()],
        }
        for text, ids, states, embedding, length in zip(TEXTS, batch["input_ids"], hidden, pooled, mask.sum(1))
    ]
    (folder / "expected.json").write_text(json.dumps(expected, ensure_ascii=False))


shape = dict(vocab_size=64, num_decoder_layers=1, dropout_rate=0.0, eos_token_id=1, pad_token_id=0)
fixture(
    "t5-relu",
    T5EncoderModel,
    T5Config(
        d_model=24, d_kv=5, d_ff=40, num_layers=2, num_heads=3, feed_forward_proj="relu",
        relative_attention_num_buckets=10, relative_attention_max_distance=20, **shape,
    ),
)
fixture(
    "t5-gated",
    T5ForConditionalGeneration,
    T5Config(
        d_model=18, d_kv=8, d_ff=28, num_layers=3, num_heads=2, feed_forward_proj="gated-gelu",
        tie_word_embeddings=False, **shape,
    ),
)
