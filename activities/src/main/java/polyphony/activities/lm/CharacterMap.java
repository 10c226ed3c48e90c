package polyphony.activities.lm;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.BitSet;

/**
 * SentencePiece's precompiled character map: the size of a double-array trie in bytes, the trie
 * (Darts-clone's units of 32 bits), and the texts that its values point into, each ended by a zero.
 */
final class CharacterMap {
  private CharacterMap() {}

  /** Whether no text leads out of the trie, and no value out of the texts. */
  static boolean isUsable(byte[] map) {
    if (map == null || map.length < 8) {
      return false;
    }
    ByteBuffer bytes = ByteBuffer.wrap(map).order(ByteOrder.LITTLE_ENDIAN);
    int trieBytes = bytes.getInt(0);
    if (trieBytes < 4 || trieBytes % 4 != 0 || trieBytes > map.length - 4) {
      return false;
    }
    int units = trieBytes / 4;
    int texts = 4 + trieBytes;
    try {
      StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(map, texts, map.length - texts));
    } catch (CharacterCodingException e) {
      return false;
    }
    BitSet seen = new BitSet(units);
    ArrayDeque<Integer> open = new ArrayDeque<>();
    int root = offset(bytes.getInt(4));
    open.add(root);
    while (!open.isEmpty()) {
      int node = open.remove();
      // A child lies at its byte's place in the node's block, which is looked at for any byte.
      if (node < 0 || (node | 0xff) >= units) {
        return false;
      }
      if (seen.get(node)) {
        continue;
      }
      seen.set(node);
      for (int label = 1; label < 256; label++) {
        int unit = bytes.getInt(4 + 4 * (node ^ label));
        if ((unit & 0x800000ff) == label) {
          int child = (node ^ label) ^ offset(unit);
          boolean leaf = (unit >> 8 & 1) == 1;
          if (child < 0 || child >= units) {
            return false;
          }
          if (leaf && !isText(map, texts, bytes.getInt(4 + 4 * child) & 0x7fffffff)) {
            return false;
          }
          open.add(child);
        }
      }
    }
    return true;
  }

  private static int offset(int unit) {
    return (unit >>> 10) << ((unit & 1 << 9) >> 6);
  }

  /** Whether a whole text begins there, and not inside a character. */
  private static boolean isText(byte[] map, int texts, int at) {
    return at < map.length - texts && (map[texts + at] & 0xc0) != 0x80;
  }
}
