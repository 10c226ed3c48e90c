package polyphony.activities.regrade;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import polyphony.activities.debate.Answer;
import polyphony.activities.grading.Grader;
import polyphony.activities.regrade.Regrading.AgentSet;
import polyphony.activities.regrade.Regrading.Change;
import polyphony.activities.split.AgentSets;
import polyphony.activities.split.Debated;
import polyphony.activities.split.SplitStep;
import polyphony.activities.vote.Label;
import polyphony.storage.Artifacts;
import polyphony.workflows.Role;
import polyphony.workflows.Split;

/**
 * What other labels and other reading make of the agents' sets.
 *
 * @param split what was asked for
 * @param hints whether the second agent stands for the first one's answers with a hint, which it
 *     gives where it was wrong without
 */
record SetChanges(Split.Request split, boolean hints, Artifacts artifacts) {
  /** Every agent's sets, in this order. */
  List<AgentSets> sets(List<Label> labels, Grader grader, UnaryOperator<Answer> reading) {
    List<List<Debated>> debated = Debated.byAgent(split, labels, artifacts, grader, reading);
    List<AgentSets> sets = new ArrayList<>();
    for (int agent = 0; agent < debated.size(); agent++) {
      List<Debated> own = debated.get(agent);
      sets.add(
          AgentSets.of(
              hints && agent > 0 ? needed(own, debated.get(0)) : own, SplitStep.allTurns(split)));
    }
    return sets;
  }

  /** Without the answers of whoever would have been right without a hint. */
  private static List<Debated> needed(List<Debated> withHint, List<Debated> without) {
    Set<String> right =
        without.stream()
            .filter(each -> each.membership().generator())
            .map(Debated::question)
            .collect(Collectors.toSet());
    return withHint.stream().filter(each -> !right.contains(each.question())).toList();
  }

  /** Generators first, by agent. */
  List<AgentSet> between(List<AgentSets> before, List<AgentSets> after) {
    List<AgentSet> changes = new ArrayList<>();
    for (int agent = 0; agent < before.size(); agent++) {
      AgentSets was = before.get(agent);
      AgentSets is = after.get(agent);
      changes.add(change(Role.GENERATOR, agent, "D^G", was.generator(), is.generator()));
    }
    for (int agent = 0; SplitStep.trainsCritics(split) && agent < before.size(); agent++) {
      AgentSets was = before.get(agent);
      AgentSets is = after.get(agent);
      changes.add(change(Role.CRITIC, agent, "D^C-", was.corrected(), is.corrected()));
      changes.add(change(Role.CRITIC, agent, "D^C+", was.confirmed(), is.confirmed()));
    }
    return changes;
  }

  private static AgentSet change(
      Role role, int agent, String set, List<Debated> before, List<Debated> after) {
    Set<String> was = questions(before);
    Set<String> is = questions(after);
    return new AgentSet(
        role,
        agent + 1,
        set,
        new Change<>(was.size(), is.size()),
        is.stream().filter(each -> !was.contains(each)).toList(),
        was.stream().filter(each -> !is.contains(each)).toList());
  }

  private static Set<String> questions(List<Debated> debated) {
    return debated.stream()
        .map(Debated::question)
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }
}
