package polyphony.activities.split;

import java.util.List;

/**
 * One agent's sets (arXiv 2501.05707, section 2.3 and equation 1), each in the order of what it was
 * made from. An answer that was cut at the token limit never trains: it is in none of them.
 *
 * @param generator D^G
 * @param corrected D^C-
 * @param confirmed D^C+
 * @param cutFirst how many were left out of D^G since the first answer was cut
 * @param cutLast how many were left out of D^C- and D^C+ since what a critic learns was cut
 */
public record AgentSets(
    List<Debated> generator,
    List<Debated> corrected,
    List<Debated> confirmed,
    int cutFirst,
    int cutLast) {
  /**
   * @param debated an agent's, or several agents' whose sets are pooled
   * @param allTurns whether a critic learns every turn, not the last one alone
   */
  public static AgentSets of(List<Debated> debated, boolean allTurns) {
    List<Debated> first = debated.stream().filter(each -> each.membership().generator()).toList();
    List<Debated> last = debated.stream().filter(each -> each.membership().last()).toList();
    List<Debated> generator = first.stream().filter(each -> each.first().ended()).toList();
    List<Debated> critic = last.stream().filter(each -> each.whole(allTurns)).toList();
    return new AgentSets(
        generator,
        critic.stream().filter(each -> each.membership().corrected()).toList(),
        critic.stream().filter(each -> each.membership().confirmed()).toList(),
        first.size() - generator.size(),
        last.size() - critic.size());
  }
}
