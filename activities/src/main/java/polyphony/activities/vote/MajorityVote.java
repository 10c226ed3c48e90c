package polyphony.activities.vote;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.function.BiPredicate;

/**
 * Decides one question: answers that are equivalent stand together, and the largest group wins. A
 * group is known by its lowest agent's answer.
 *
 * @param equivalent an equivalence relation
 * @param minimumVotes a label needs at least this many votes
 */
public record MajorityVote(
    BiPredicate<String, String> equivalent, TieRule tieRule, int minimumVotes) {

  /**
   * @param label null where there is none
   * @param agreeing votes for the label
   * @param tied whether several groups had most votes
   */
  public record Outcome(String label, int agreeing, boolean tied) {}

  /** Equivalent answers, by agent. */
  private record Group(List<String> members) {
    String representative() {
      return members.get(0);
    }
  }

  /**
   * @param votes by agent; null where an answer could not be read, which is no vote
   * @param seed decides a random tie
   */
  public Outcome decide(List<String> votes, long seed) {
    List<Group> groups = groups(votes);
    int most = groups.stream().mapToInt(each -> each.members().size()).max().orElse(0);
    List<Group> leading = groups.stream().filter(each -> each.members().size() == most).toList();
    boolean tied = leading.size() > 1;
    if (leading.isEmpty() || most < minimumVotes || (tied && tieRule == TieRule.SKIP)) {
      return new Outcome(null, 0, tied);
    }
    return new Outcome(winner(leading, seed).representative(), most, tied);
  }

  private List<Group> groups(List<String> votes) {
    List<Group> groups = new ArrayList<>();
    for (String vote : votes.stream().filter(Objects::nonNull).toList()) {
      groups.stream()
          .filter(each -> equivalent.test(each.representative(), vote))
          .findFirst()
          .ifPresentOrElse(
              each -> each.members().add(vote),
              () -> groups.add(new Group(new ArrayList<>(List.of(vote)))));
    }
    return groups;
  }

  private Group winner(List<Group> leading, long seed) {
    return switch (tieRule) {
      case RANDOM -> leading.get(Math.floorMod(seed, leading.size()));
      case FIRST, SKIP -> leading.get(0);
      case RELEASED_CODE ->
          leading.stream()
              .max(Comparator.comparing(Group::representative, MajorityVote::compareCodePoints))
              .orElseThrow();
    };
  }

  /** Unlike {@link String#compareTo}, also right beyond the basic plane, as Python's is. */
  private static int compareCodePoints(String one, String other) {
    return Arrays.compareUnsigned(
        one.getBytes(StandardCharsets.UTF_8), other.getBytes(StandardCharsets.UTF_8));
  }
}
