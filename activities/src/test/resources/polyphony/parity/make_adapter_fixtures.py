#!/usr/bin/env python3
"""Makes the folders of ../adapters: LoRA adapters by PEFT over checkpoints beside this file.

    pip install torch==2.7.1 transformers==4.57.6 peft==0.21.2 safetensors==0.8.0 numpy
    python make_adapter_fixtures.py

Each folder, named as its base, is an adapter as PEFT's save_pretrained writes it, with

  expected.json         prompt; training examples, settings and losses, as in make_fixtures.py
  expected.safetensors  "logits": [positions, vocabulary] of the prompt's last positions;
                        "gradient/NAME": of the first step's loss, before clipping;
                        "trained/NAME": the adapter's tensors after all steps

Only the adapter is trained, without dropout; no entry of it is 0 at the start. Weights in float16 or
bfloat16 are widened first.
"""

import json
import random
import shutil

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

from make_fixtures import HERE, KEPT_POSITIONS, STEPS, TRAINING, logits

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PACKED = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]

# base: (rank, alpha, targets, type of the stored adapter)
ADAPTERS = {
    "llama3.1": (3, 5, TARGETS, torch.float32),
    "llama-linear-biases": (2, 8, ["q_proj", "v_proj"], torch.float32),
    "llama-bf16-sharded": (2, 32, ["self_attn.o_proj", "down_proj"], torch.bfloat16),
    "qwen2": (5, 12.5, "all-linear", torch.float32),
    "phi3": (2, 4, PACKED, torch.float16),
    "phi3-partial": (3, 2, ["qkv_proj", "down_proj"], torch.float32),
}


def base(name):
    return transformers.AutoModelForCausalLM.from_pretrained(
        HERE / name, dtype=torch.float32, attn_implementation="eager")


def build(name):
    rank, alpha, targets, dtype = ADAPTERS[name]
    torch.manual_seed(sum(name.encode()))
    model = peft.get_peft_model(base(name), peft.LoraConfig(
        task_type="CAUSAL_LM", r=rank, lora_alpha=alpha, target_modules=targets))
    with torch.no_grad():
        for key, value in model.named_parameters():
            if ".lora_B." in key:
                value.normal_(0, 0.2)
    folder = HERE.parent / "adapters" / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = name
    config["target_modules"] = sorted(config["target_modules"])
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
    weights = folder / "adapter_model.safetensors"
    save_file({key: value.to(dtype).contiguous() for key, value in load_file(weights).items()},
              weights, metadata={"format": "pt"})
    model = peft.PeftModel.from_pretrained(base(name), folder, is_trainable=True).eval()
    own = {key.replace(".default", ""): value for key, value in model.named_parameters()
           if value.requires_grad}

    draw = random.Random(name + " adapter")
    size = model.config.vocab_size

    def tokens(length):
        return [draw.randrange(size) for _ in range(length)]

    prompt = tokens(19)
    tensors = {"logits": logits(model, prompt)[-KEPT_POSITIONS:].contiguous()}
    expected = {"prompt": prompt,
                "training": {"settings": TRAINING, "batches": [], "losses": []}}
    optimizer = torch.optim.AdamW(
        list(own.values()), lr=TRAINING["learningRate"],
        betas=(TRAINING["beta1"], TRAINING["beta2"]), eps=TRAINING["epsilon"],
        weight_decay=TRAINING["weightDecay"])
    for step in range(STEPS):
        batch = [{"tokens": tokens(length),
                  "trained": [i > 0 and (i == 1 or draw.random() < 0.6) for i in range(length)]}
                 for length in [6, 13, 24]]
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
        if step == 0:
            tensors.update({"gradient/" + key: value.grad.clone() for key, value in own.items()})
        torch.nn.utils.clip_grad_norm_(list(own.values()), TRAINING["clipNorm"])
        optimizer.step()
        expected["training"]["batches"].append(batch)
        expected["training"]["losses"].append(total)
    tensors.update({"trained/" + key: value.detach().clone() for key, value in own.items()})
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")
    save_file(tensors, folder / "expected.safetensors")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in ADAPTERS:
        build(each)
        print(each, flush=True)
