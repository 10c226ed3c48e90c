package polyphony.activities.lm.torch;

import java.util.Locale;
import polyphony.activities.lm.DecoderConfig;

/**
 * The decoder, its loss and its optimizer as TorchScript source, with the sizes of one {@link
 * DecoderConfig} written in as constants. Weights come as a list in the order of {@link
 * DecoderConfig#weightShapes}: embedding, nine per block, final norm, and the head unless tied.
 *
 * <ul>
 *   <li>{@code forward(weights, tokens [batch, length], positions [n], targets [n])}: the sum of
 *       the negative log-likelihoods of {@code targets}, each predicted at one of {@code positions}
 *       (indices into the flattened batch). After the last attention only those rows go on.
 *   <li>{@code logits(weights, tokens)}: {@code [batch, length, vocabulary]}.
 *   <li>{@code add(gradients, others)}: adds in place.
 *   <li>{@code norm(gradients)}: the global Euclidean norm.
 *   <li>{@code update(...)}: one step of AdamW in place.
 * </ul>
 *
 * Rows may be padded on the right: attention is causal, so that padding is never seen.
 */
final class DecoderScript {
  static final String CLASS_NAME = "Decoder";

  private DecoderScript() {}

  static TorchScriptArchive archive(DecoderConfig config) {
    return new TorchScriptArchive(CLASS_NAME, source(config));
  }

  // Rotary positions are a multiplication of complex numbers once the two halves of a head lie
  // side by side. Reordering the rows of the query and key weights puts them there, and costs far
  // less than reordering activations; attention scores do not depend on the order, as long as
  // queries and keys share it.
  //
  // The mean square of a row comes from its norm: one pass over memory and no temporary.
  //
  // split_with_sizes rather than slices: its gradient is one concatenation, not a padded copy each.
  private static String source(DecoderConfig config) {
    return """
        class Decoder(Module):
          __parameters__ = []
          __buffers__ = []
          def normalised(self: __torch__.Decoder, x: Tensor, weight: Tensor) -> Tensor:
            norm = torch.linalg_vector_norm(x, 2, [-1], True)
            scale = torch.rsqrt(torch.add(torch.mul(torch.mul(norm, norm), 1. / HIDDEN.), EPSILON))
            return torch.mul(torch.mul(x, scale), weight)
          def paired(self: __torch__.Decoder, weight: Tensor, heads: int) -> Tensor:
            halves = torch.view(weight, [heads, 2, HALF, HIDDEN])
            return torch.reshape(torch.transpose(halves, 1, 2), [heads * HEAD_SIZE, HIDDEN])
          def rotations(self: __torch__.Decoder, length: int, like: Tensor) -> Tensor:
            exponents = torch.mul(torch.arange(HALF, dtype=7, device=like.device), -2. / HEAD_SIZE.)
            frequencies = torch.pow(THETA, exponents)
            places = torch.arange(length, dtype=7, device=like.device)
            angles = torch.unsqueeze(torch.outer(places, frequencies), 1)
            turns = torch.polar(torch.ones_like(angles), angles)
            return torch.to(turns, 9 if like.dtype == 6 else 10)
          def repeated(self: __torch__.Decoder, x: Tensor) -> Tensor:
            batch = torch.size(x, 0)
            length = torch.size(x, 1)
            apart = torch.unsqueeze(torch.transpose(x, 1, 2), 2)
            wide = torch.expand(apart, [batch, KEY_VALUE_HEADS, GROUP, length, HEAD_SIZE])
            return torch.reshape(wide, [batch, HEADS, length, HEAD_SIZE])
          def attention(self: __torch__.Decoder, x: Tensor, query: Tensor, key: Tensor, value: Tensor, turns: Tensor, batch: int, length: int) -> Tensor:
            weight = torch.cat([self.paired(query, HEADS), self.paired(key, KEY_VALUE_HEADS), value])
            all = torch.view(torch.linear(x, weight), [batch, length, HEADS + 2 * KEY_VALUE_HEADS, HEAD_SIZE])
            turned, values = torch.split_with_sizes(all, [HEADS + KEY_VALUE_HEADS, KEY_VALUE_HEADS], 2)
            pairs = torch.view_as_complex(torch.view(turned, [batch, length, HEADS + KEY_VALUE_HEADS, HALF, 2]))
            rotated = torch.view_as_real(torch.mul(pairs, turns))
            flat = torch.view(rotated, [batch, length, HEADS + KEY_VALUE_HEADS, HEAD_SIZE])
            queries, keys = torch.split_with_sizes(flat, [HEADS, KEY_VALUE_HEADS], 2)
            mixed = torch.scaled_dot_product_attention(torch.transpose(queries, 1, 2), self.repeated(keys), self.repeated(values), None, 0., True)
            return torch.reshape(torch.transpose(mixed, 1, 2), [batch * length, HEADS * HEAD_SIZE])
          def stream(self: __torch__.Decoder, weights: List[Tensor], tokens: Tensor, positions: Tensor) -> Tensor:
            batch = torch.size(tokens, 0)
            length = torch.size(tokens, 1)
            x = torch.embedding(weights[0], torch.reshape(tokens, [-1]))
            turns = self.rotations(length, x)
            for layer in range(LAYERS):
              w = 1 + 9 * layer
              attended = self.attention(self.normalised(x, weights[w]), weights[w + 1], weights[w + 2], weights[w + 3], turns, batch, length)
              if layer == LAYERS - 1:
                x = torch.index_select(x, 0, positions)
                attended = torch.index_select(attended, 0, positions)
              x = torch.add(x, torch.linear(attended, weights[w + 4]))
              inner = self.normalised(x, weights[w + 5])
              gated = torch.mul(torch.silu(torch.linear(inner, weights[w + 6])), torch.linear(inner, weights[w + 7]))
              x = torch.add(x, torch.linear(gated, weights[w + 8]))
            return x
          def head(self: __torch__.Decoder, weights: List[Tensor], x: Tensor) -> Tensor:
            return torch.linear(self.normalised(x, weights[1 + 9 * LAYERS]), weights[OUTPUT])
          def forward(self: __torch__.Decoder, weights: List[Tensor], tokens: Tensor, positions: Tensor, targets: Tensor) -> Tensor:
            x = self.stream(weights, tokens, positions)
            return torch.cross_entropy_loss(self.head(weights, x), targets, None, 2, -100, 0.)
          def logits(self: __torch__.Decoder, weights: List[Tensor], tokens: Tensor) -> Tensor:
            everywhere = torch.arange(torch.numel(tokens), device=tokens.device)
            x = self.head(weights, self.stream(weights, tokens, everywhere))
            return torch.view(x, [torch.size(tokens, 0), torch.size(tokens, 1), -1])
          def add(self: __torch__.Decoder, gradients: List[Tensor], others: List[Tensor]) -> NoneType:
            torch._foreach_add_(gradients, others)
            return None
          def norm(self: __torch__.Decoder, gradients: List[Tensor]) -> Tensor:
            return torch.linalg_vector_norm(torch.stack(torch._foreach_norm(gradients, 2)), 2)
          def update(self: __torch__.Decoder, weights: List[Tensor], gradients: List[Tensor], first: List[Tensor], second: List[Tensor], step: Tensor, scale: float, rate: float, beta1: float, beta2: float, epsilon: float, decay: float) -> NoneType:
            if scale < 1.:
              torch._foreach_mul_(gradients, scale)
            steps = annotate(List[Tensor], [])
            for each in range(len(weights)):
              steps = torch.append(steps, step)
            torch._fused_adamw_(weights, gradients, first, second, annotate(List[Tensor], []), steps, lr=rate, beta1=beta1, beta2=beta2, weight_decay=decay, eps=epsilon, amsgrad=False, maximize=False)
            return None
        """
        .replace("KEY_VALUE_HEADS", text(config.keyValueHeads()))
        .replace("HEAD_SIZE", text(config.headSize()))
        .replace("HEADS", text(config.heads()))
        .replace("HIDDEN", text(config.hiddenSize()))
        .replace("HALF", text(config.headSize() / 2))
        .replace("GROUP", text(config.heads() / config.keyValueHeads()))
        .replace("LAYERS", text(config.layers()))
        .replace("OUTPUT", text(config.tiedEmbeddings() ? 0 : 2 + 9 * config.layers()))
        .replace("THETA", real(config.ropeTheta()))
        .replace("EPSILON", real(config.normEpsilon()));
  }

  private static String text(int value) {
    return Integer.toString(value);
  }

  private static String real(double value) {
    return String.format(Locale.ROOT, "%.17e", value);
  }
}
