"""Renders conversations with published chat templates as transformers does.

    python render_chat_templates.py DATA > chat_template_renderings.json
    python render_chat_templates.py DATA --texts > texts.json      # to look at a difference

DATA is POLYPHONY_TEST_DATA. Made with transformers 4.57.6 and Jinja2 3.1.6. What is kept is the start
of each text's SHA-256, without and with the generation prompt; "raises" where a template refuses.
"""

import hashlib
import json
import sys
from pathlib import Path

import jinja2
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast


def turns(*contents, system=None):
    messages = [] if system is None else [{"role": "system", "content": system}]
    for number, content in enumerate(contents):
        messages.append({"role": ("user", "assistant")[number % 2], "content": content})
    return messages


CONVERSATIONS = {
    "user": turns("What is 2 + 2?"),
    "system, user": turns("What is 2 + 2?", system="You are a calculator."),
    "three turns": turns("What is 2 + 2?", "It is 4.", "Are you sure?"),
    "system, three turns": turns("What is 2 + 2?", "It is 4.", "Are you sure?", system="Be brief."),
    "seven turns": turns("a", "b", "c", "d", "e", "f", "g"),
    "answered": turns("What is 2 + 2?", "It is 4."),
    "system, answered": turns("Hi", "Hello!", "Bye", "Goodbye!", system="Be kind."),
    "white space": turns("  \n in front and behind \t\n ", " \n4\n ", "\n\n again \n", system=" \n s \n "),
    "characters": turns("½ Führer 🦙 \\boxed{4} \"quoted\" 'single'", "日本語\u00a0\u2003x", "{{ 1 + 1 }} {% if %} {# #} <b>&amp;</b>"),
    "empty system": turns("What is 2 + 2?", "4", "Sure?", system=""),
    "empty turns": turns("", "", ""),
    "two users": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    "assistant first": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}],
    "system last": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}],
}


def templates(folder):
    for file in sorted(folder.rglob("*.jinja")):
        yield file, file.read_text(encoding="utf-8")
    for file in sorted(folder.rglob("*.json")):
        if file.name == "tokenizer.json" or "added_tokens" in file.name:
            continue
        content = json.loads(file.read_text(encoding="utf-8"))
        template = content.get("chat_template") if isinstance(content, dict) else None
        if isinstance(template, str) and "{" in template:
            yield file, template


def main(data, texts):
    folder = Path(data) / "tokenizers"
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.BPE()), bos_token="<s>", eos_token="</s>"
    )
    rendered = {}
    for file, template in templates(folder):
        of_file = rendered[str(file.relative_to(folder))] = {}
        for name, messages in CONVERSATIONS.items():
            of_file[name] = []
            for prompt in (False, True):
                try:
                    # No clock: equal messages are to give equal prompts.
                    text = tokenizer.apply_chat_template(
                        messages,
                        chat_template=template,
                        tokenize=False,
                        add_generation_prompt=prompt,
                        strftime_now=jinja2.Undefined(),
                    )
                    shown = text if texts else hashlib.sha256(text.encode()).hexdigest()[:16]
                except jinja2.exceptions.TemplateError:
                    shown = "raises"
                of_file[name].append(shown)
    print(json.dumps({"conversations": CONVERSATIONS, "rendered": rendered}, indent=1))


main(sys.argv[1], "--texts" in sys.argv)
