#!/usr/bin/env python3
"""Loads models that were trained and saved here into Hugging Face transformers.

    pip install torch==2.7.1 transformers==4.57.6 safetensors==0.8.0
    POLYPHONY_PARITY_EXPORT=FOLDER ./mvnw -pl activities -am test -Dtest=TransformersParityTest \\
        -Dsurefire.failIfNoSpecifiedTests=false
    python check_export.py FOLDER

Each folder in FOLDER is such a model with ours.json: a prompt and the logits that our plain decoder
has for it. Fails where transformers misses or ignores a tensor, or where a logit differs by more
than 1e-4.
"""

import json
import pathlib
import sys

import torch
import transformers

failed = False
for folder in sorted(path.parent for path in pathlib.Path(sys.argv[1]).glob("*/ours.json")):
    ours = json.loads((folder / "ours.json").read_text())
    model, report = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    with torch.no_grad():
        logits = model.eval()(torch.tensor([ours["prompt"]]), use_cache=False).logits[0].double()
    error = float((logits - torch.tensor(ours["logits"], dtype=torch.double)).abs().max())
    wrong = [name for kind in report.values() for name in kind]
    failed |= bool(wrong) or not error <= 1e-4
    print(f"{folder.name:20} {type(model).__name__:20} largest difference {error:.1e} {wrong or ''}")
sys.exit(failed)
