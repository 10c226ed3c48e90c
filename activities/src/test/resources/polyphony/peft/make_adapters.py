#!/usr/bin/env python3
"""Makes the adapters beside this file and what Hugging Face PEFT computes with them.

    pip install torch==2.7.1 transformers==4.57.6 safetensors==0.8.0 peft==0.21.2
    python make_adapters.py [NAME ...]

Each folder is a LoRA adapter with random A and B over the model of the same name in ../parity, as
save_pretrained writes it (without model card), with

  prompts.json          texts as token ids
  expected.safetensors  "logits.I": [positions, vocabulary] of the last positions of prompt I

Everything is computed in float32 on the CPU with eager attention, one text at a time, by the adapter
as it was loaded again, unmerged; weights in float16 or bfloat16 are widened first.
"""

import json
import pathlib
import random
import shutil
import sys

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).parent
KEPT_POSITIONS = 8

# name: (LoraConfig's fields, type of the stored adapter)
ADAPTERS = {
    "llama3.1": ({"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"],
                  "lora_dropout": 0.1}, torch.float32),
    "llama-bf16-sharded": ({"r": 2, "lora_alpha": 32, "init_lora_weights": "gaussian",
                            "target_modules": ["self_attn.o_proj", "down_proj"]}, torch.bfloat16),
    "phi3": ({"r": 3, "lora_alpha": 4, "target_modules": ["qkv_proj", "gate_up_proj", "o_proj"]},
             torch.float16),
    "qwen2": ({"r": 5, "lora_alpha": 12.5, "target_modules": "all-linear"}, torch.float32),
}


def base(name):
    return transformers.AutoModelForCausalLM.from_pretrained(
        HERE.parent / "parity" / name, dtype=torch.float32, attn_implementation="eager").eval()


def build(name):
    fields, dtype = ADAPTERS[name]
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(sum(name.encode()))
    model = peft.get_peft_model(base(name), peft.LoraConfig(task_type="CAUSAL_LM", **fields))
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if ".lora_" in parameter_name:
                parameter.normal_(0, 0.6 / parameter.shape[1] ** 0.5)
    model.peft_config["default"].base_model_name_or_path = "../parity/" + name
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    weights = folder / "adapter_model.safetensors"
    save_file({key: value.to(dtype).contiguous() for key, value in load_file(weights).items()},
              weights, metadata={"format": "pt"})
    loaded = peft.PeftModel.from_pretrained(base(name), folder).eval()
    without = base(name)
    draw = random.Random(name + " adapter")
    prompts = [[draw.randrange(loaded.config.vocab_size) for _ in range(length)]
               for length in (5, 27)]
    tensors = {}
    with torch.no_grad():
        for index, prompt in enumerate(prompts):
            tokens = torch.tensor([prompt])
            logits = loaded(tokens, use_cache=False).logits[0]
            moved = (logits - without(tokens, use_cache=False).logits[0]).abs().max()
            assert moved > 0.1, "the adapter does nothing"
            tensors[f"logits.{index}"] = logits[-KEPT_POSITIONS:].contiguous()
    (folder / "prompts.json").write_text(json.dumps(prompts) + "\n")
    save_file(tensors, folder / "expected.safetensors")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in sys.argv[1:] or ADAPTERS:
        build(each)
        print(each, flush=True)
