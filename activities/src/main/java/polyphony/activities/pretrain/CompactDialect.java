package polyphony.activities.pretrain;

import polyphony.activities.lm.NewLanguageModel;

/**
 * The written form that the built-in model speaks: one token per character, a user's message ends
 * with a newline, an assistant's turn is {@code A}, its content, {@code $} and a newline. A whole
 * conversation reads {@code ^Q12+7*23+5-14*9\nA7*23=161;...=52#52$\n}.
 */
public final class CompactDialect {
  /** Every character of a text, the newline included. */
  public static final String ALPHABET = "0123456789+-*=;#,/QABS\n";

  public static final NewLanguageModel.SpecialTokens SPECIAL_TOKENS =
      new NewLanguageModel.SpecialTokens("^", "$", "_");

  public static final String CHAT_TEMPLATE =
      "{{ bos_token }}{% for message in messages %}"
          + "{% if message['role'] == 'user' %}{{ message['content'] + '\\n' }}"
          + "{% elif message['role'] == 'assistant' %}"
          + "{{ 'A' + message['content'] + eos_token + '\\n' }}"
          + "{% else %}{{ raise_exception('the compact dialect has no system message') }}"
          + "{% endif %}{% endfor %}"
          + "{% if add_generation_prompt %}{{ 'A' }}{% endif %}";

  private CompactDialect() {}
}
