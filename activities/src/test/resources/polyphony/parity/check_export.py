#!/usr/bin/env python3
"""Loads models and adapters that were saved here into Hugging Face transformers and PEFT.

    pip install torch==2.7.1 transformers==4.57.6 safetensors==0.8.0 peft==0.21.2
    POLYPHONY_PARITY_EXPORT=FOLDER ./mvnw -pl activities -am test \\
        -Dtest=TransformersParityTest,AdapterParityTest -Dsurefire.failIfNoSpecifiedTests=false
    python check_export.py FOLDER

Each folder in FOLDER is such a model with ours.json: a prompt and the logits that our plain decoder
has for it; or an adapter, whose "base" is a folder beside this file. Fails where transformers or
PEFT misses or ignores a tensor, or where a logit differs by more than 1e-4.
"""

import json
import pathlib
import sys
import warnings

import peft
import torch
import transformers
from safetensors.torch import load_file



def load(folder):
    model, report = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    return model, [name for kind in report.values() for name in kind]


failed = False
for folder in sorted(path.parent for path in pathlib.Path(sys.argv[1]).glob("*/ours.json")):
    ours = json.loads((folder / "ours.json").read_text())
    if "base" in ours:
        model, wrong = load(pathlib.Path(__file__).parent / ours["base"])
        # PEFT warns of missing adapter keys alone.
        warnings.simplefilter("error")
        model = peft.PeftModel.from_pretrained(model, folder)
        warnings.resetwarnings()
        stored = len(load_file(folder / "adapter_model.safetensors"))
        loaded = sum(".lora_" in name for name, _ in model.named_parameters())
        wrong += [] if stored == loaded else [f"{stored} tensors stored, {loaded} loaded"]
    else:
        model, wrong = load(folder)
    with torch.no_grad():
        logits = model.eval()(torch.tensor([ours["prompt"]]), use_cache=False).logits[0].double()
    error = float((logits - torch.tensor(ours["logits"], dtype=torch.double)).abs().max())
    failed |= bool(wrong) or not error <= 1e-4
    print(f"{folder.name:28} {type(model).__name__:20} largest difference {error:.1e} {wrong or ''}")
sys.exit(failed)
