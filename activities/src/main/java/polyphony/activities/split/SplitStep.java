package polyphony.activities.split;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import polyphony.activities.JsonLines;
import polyphony.activities.Seeds;
import polyphony.activities.debate.Answer;
import polyphony.activities.tasks.Tasks;
import polyphony.activities.vote.Label;
import polyphony.storage.PolyphonyException;
import polyphony.storage.StepAttempt;
import polyphony.workflows.Method;
import polyphony.workflows.Role;
import polyphony.workflows.Split;

/**
 * Makes every model's training set from a debate and its labels. An agent's sets hold what this
 * agent itself said, and nothing that another one said but as a message that it answered: that
 * independence is what keeps the agents diverse.
 */
public final class SplitStep {
  /** The activity's type and the step's name. */
  public static final String NAME = "split";

  /** Raised whenever equal requests would give other sets. */
  public static final int VERSION = 2;

  private static final String LAST_TURN = "last-turn";
  private static final String ALL_TURNS = "all-turns";

  /**
   * @return always present; its step report is null
   */
  public Optional<Split.Result> run(Split.Request request, StepAttempt attempt) {
    if (!List.of(LAST_TURN, ALL_TURNS).contains(request.criticLoss())) {
      throw PolyphonyException.config(
          "there is no critic loss \""
              + request.criticLoss()
              + "\"; criticLoss is one of "
              + LAST_TURN
              + ", "
              + ALL_TURNS);
    }
    if (!(request.criticMix() >= 0 && request.criticMix() <= 1)) {
      throw PolyphonyException.config("criticMix is from 0 to 1, not " + request.criticMix());
    }
    List<Label> labels = JsonLines.read(attempt.artifacts().bytes(request.votes()), Label.class);
    List<List<Debated>> agents =
        Debated.byAgent(
            request,
            labels,
            attempt.artifacts(),
            Tasks.grader(request.task()),
            UnaryOperator.identity());
    List<Split.TrainingSet> sets = new ArrayList<>();
    if (request.trains() == Method.Trains.ONE_MODEL) {
      sets.add(generator(request, 0, pooled(agents), attempt));
    } else if (request.trains() != Method.Trains.NOTHING) {
      for (int agent = 0; agent < agents.size(); agent++) {
        sets.add(generator(request, agent, agents.get(agent), attempt));
      }
    }
    if (trainsCritics(request)) {
      for (int agent = 0; agent < agents.size(); agent++) {
        sets.add(critic(request, agent, agents.get(agent), attempt));
      }
    }
    return Optional.of(new Split.Result(sets, null));
  }

  /** Whether there are critics' sets: where critics are trained, and spoke. */
  public static boolean trainsCritics(Split.Request request) {
    return request.trains() == Method.Trains.GENERATORS_AND_CRITICS && request.answers().size() > 1;
  }

  /** Whether a critic learns every turn of its own, not the last one alone. */
  public static boolean allTurns(Split.Request request) {
    return request.criticLoss().equals(ALL_TURNS);
  }

  /** All agents' answers, in question order, then by agent. */
  private static List<Debated> pooled(List<List<Debated>> agents) {
    List<Debated> pooled = new ArrayList<>();
    agents.forEach(pooled::addAll);
    pooled.sort(Comparator.comparingInt(each -> each.first().index())); // stable
    return pooled;
  }

  private static Split.TrainingSet generator(
      Split.Request request, int agent, List<Debated> debated, StepAttempt attempt) {
    AgentSets sets = AgentSets.of(debated, allTurns(request));
    List<Debated> chosen =
        request.filtered()
            ? sets.generator()
            : unfiltered(
                request,
                agent,
                "generator",
                debated.stream().filter(each -> each.first().ended()).toList(),
                sets.generator().size());
    List<Example> examples =
        chosen.stream()
            .map(each -> example(each.first(), each.first().turns(), "first-answer"))
            .toList();
    List<String> notes = new ArrayList<>();
    noteCut(sets.cutFirst(), notes);
    noteEmpty(examples, notes);
    return set(Role.GENERATOR, agent, examples, 0, 0, notes, attempt);
  }

  private static Split.TrainingSet critic(
      Split.Request request, int agent, List<Debated> debated, StepAttempt attempt) {
    boolean allTurns = allTurns(request);
    AgentSets sets = AgentSets.of(debated, allTurns);
    List<Debated> corrected = sets.corrected();
    List<Debated> confirmed = sets.confirmed();
    CriticMix mix = CriticMix.of(request.criticMix(), corrected.size(), confirmed.size());

    List<Debated> chosen = new ArrayList<>();
    if (request.filtered()) {
      chosen.addAll(chosen(request, agent, "corrected", corrected, mix.corrected()));
      chosen.addAll(chosen(request, agent, "confirmed", confirmed, mix.confirmed()));
      chosen.sort(Comparator.comparingInt(each -> each.first().index()));
    } else {
      chosen.addAll(
          unfiltered(
              request,
              agent,
              "critic",
              debated.stream().filter(each -> each.whole(allTurns)).toList(),
              mix.corrected() + mix.confirmed()));
    }
    List<Example> examples =
        chosen.stream()
            .map(
                each ->
                    example(
                        each.last(),
                        allTurns
                            ? each.last().turns()
                            : List.of(each.last().turns().get(each.answers().size() - 1)),
                        kind(request, each)))
            .toList();

    List<String> notes = new ArrayList<>();
    noteCut(sets.cutLast(), notes);
    if (request.filtered()
        && corrected.isEmpty()
        && mix.confirmed() > 0
        && request.criticMix() > 0) {
      notes.add("no wrong first answer was corrected: confirmed ones alone");
    }
    if (request.filtered()
        && confirmed.isEmpty()
        && mix.corrected() > 0
        && request.criticMix() < 1) {
      notes.add("no right first answer was kept: corrected ones alone");
    }
    noteEmpty(examples, notes);
    return set(
        Role.CRITIC,
        agent,
        examples,
        request.filtered() ? mix.corrected() : 0,
        request.filtered() ? mix.confirmed() : 0,
        notes,
        attempt);
  }

  private static String kind(Split.Request request, Debated debated) {
    if (!request.filtered()) {
      return "unfiltered";
    }
    return debated.membership().corrected() ? "corrected" : "confirmed";
  }

  /** {@code count} of them at random, in question order, whatever the vote said of them. */
  private static List<Debated> unfiltered(
      Split.Request request, int agent, String set, List<Debated> from, int count) {
    return chosen(request, agent, "unfiltered " + set, from, count).stream()
        .sorted(Comparator.comparingInt(each -> each.first().index()))
        .toList();
  }

  /** {@code count} of them at random, the same ones whatever the others' order. */
  private static List<Debated> chosen(
      Split.Request request, int agent, String set, List<Debated> from, int count) {
    return from.stream()
        .sorted(
            Comparator.comparingLong(
                each ->
                    Seeds.rank(
                        request.seed(), request.iteration(), agent, set, each.first().question())))
        .limit(count)
        .toList();
  }

  private static Example example(Answer answer, List<int[]> trained, String kind) {
    return new Example(answer.question(), answer.tokens(), trained, kind);
  }

  private static void noteCut(int count, List<String> notes) {
    if (count > 0) {
      notes.add(count + " cut at the token limit left out");
    }
  }

  private static void noteEmpty(List<Example> examples, List<String> notes) {
    if (examples.isEmpty()) {
      notes.add("no examples: keeps its weights");
    }
  }

  private static Split.TrainingSet set(
      Role role,
      int agent,
      List<Example> examples,
      int corrected,
      int confirmed,
      List<String> notes,
      StepAttempt attempt) {
    String name = role.model(agent + 1) + ".jsonl";
    return new Split.TrainingSet(
        role,
        agent,
        attempt.put(JsonLines.write(examples), JsonLines.MEDIA_TYPE, name),
        examples.size(),
        corrected,
        confirmed,
        String.join("; ", notes));
  }
}
