package polyphony.storage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StepsTest {
  private static final Worker WORKER = new Worker("node", 7, "cpu", Map.of("git", "abc"));
  private static final Steps.Timing TIMING =
      new Steps.Timing(Duration.ofSeconds(60), Duration.ofSeconds(15), Duration.ofMillis(2));

  record Inputs(String question, int agents, String hint) {}

  record Answer(int total, ArtifactRef text) {}

  private static final Step STEP = new Step("debate", 1, new Inputs("what?", 3, null));

  @TempDir Path folder;
  private final AdvancingClock clock = new AdvancingClock();
  private FolderObjectStore store;
  private LocalCache cache;

  @BeforeEach
  void open() {
    store = new FolderObjectStore(folder.resolve("store"));
    cache = new LocalCache(folder.resolve("cache"), 1 << 20);
  }

  @AfterEach
  void close() {
    cache.close();
    store.close();
  }

  private Steps steps(ObjectStore over) {
    return new Steps(over, new Artifacts(over, cache), WORKER, clock, TIMING);
  }

  /** Steps of a process on this machine that is dead already. */
  private Steps stepsOfDeadProcess(ObjectStore over) throws Exception {
    Process process = new ProcessBuilder("true").start();
    process.waitFor();
    ProcessIdentity here = ProcessIdentity.current();
    return new Steps(
        over,
        new Artifacts(over, cache),
        WORKER,
        clock,
        TIMING,
        new ProcessIdentity(here.host(), here.space(), process.pid(), here.start()));
  }

  /** Steps of a process on a machine that this one cannot look into. */
  private Steps stepsElsewhere(ObjectStore over) {
    return new Steps(
        over,
        new Artifacts(over, cache),
        WORKER,
        clock,
        TIMING,
        new ProcessIdentity("elsewhere", "other", 1, null));
  }

  /** Three committed pieces of work, then the answer. */
  private static Optional<Answer> debate(StepAttempt attempt, List<Integer> computed) {
    List<Integer> done = attempt.commits(Integer.class);
    for (int piece = done.size(); piece < 3; piece++) {
      computed.add(piece);
      attempt.put(("piece " + piece).getBytes(UTF_8), "text/plain", "piece-" + piece);
      attempt.usage("sampledTokens", 10);
      attempt.commit(piece * 100);
    }
    int total = attempt.commits(Integer.class).stream().mapToInt(Integer::intValue).sum();
    ArtifactRef text = attempt.put(("total " + total).getBytes(UTF_8), "text/plain", "total.txt");
    return Optional.of(new Answer(total, text));
  }

  @Test
  void aFinishedStepIsNotComputedAgain() throws Exception {
    List<Integer> computed = new ArrayList<>();
    StepOutcome<Answer> first =
        steps(store).run(STEP, Answer.class, attempt -> debate(attempt, computed));
    StepOutcome<Answer> second =
        steps(store).run(STEP, Answer.class, attempt -> debate(attempt, computed));

    assertThat(first.reused()).isFalse();
    assertThat(second.reused()).isTrue();
    assertThat(second.result()).isEqualTo(first.result());
    assertThat(computed).containsExactly(0, 1, 2);
    assertThat(store.list("claims/")).isEmpty();
    assertThat(store.list("progress/")).isEmpty();
  }

  @Test
  void whoeverHasAStepComputedElsewhereWaitsForItsTurnOrItsResult() throws Exception {
    assertThat(steps(store).awaitTurn(STEP, Answer.class, () -> false)).isEmpty();
    StepOutcome<Answer> computed =
        steps(store)
            .run(
                STEP,
                Answer.class,
                attempt -> {
                  AtomicInteger asked = new AtomicInteger();
                  // It waits while somebody is at it: only the third question ends that.
                  assertThat(
                          steps(store)
                              .awaitTurn(STEP, Answer.class, () -> asked.incrementAndGet() == 3))
                      .isEmpty();
                  assertThat(asked).hasValue(3);
                  return debate(attempt, new ArrayList<>());
                });
    assertThat(steps(store).awaitTurn(STEP, Answer.class, () -> true))
        .contains(new StepOutcome<>(STEP.key(), computed.result(), true));
  }

  @Test
  void theManifestRecordsWhatWentInAndWhatCameOut() throws Exception {
    StepOutcome<Answer> outcome =
        steps(store)
            .run(
                STEP,
                Answer.class,
                attempt -> {
                  clock.advance(Duration.ofSeconds(5));
                  return debate(attempt, new ArrayList<>());
                });

    StepManifest manifest = steps(store).manifests().get(0);
    assertThat(manifest.key()).isEqualTo(STEP.key()).isEqualTo(outcome.key());
    assertThat(manifest.inputs().toString()).isEqualTo("{\"question\":\"what?\",\"agents\":3}");
    assertThat(manifest.result().get("total").intValue()).isEqualTo(300);
    assertThat(manifest.outputs())
        .extracting(ArtifactRef::name)
        .containsExactlyInAnyOrder("total.txt", "piece-0", "piece-1", "piece-2");
    assertThat(manifest.usage()).containsExactly(Map.entry("sampledTokens", 30.0));
    assertThat(manifest.wallSeconds()).isEqualTo(5.0);
    assertThat(manifest.started()).isEqualTo("2026-01-02T03:04:05Z");
    assertThat(manifest.finished()).isEqualTo("2026-01-02T03:04:10Z");
    assertThat(manifest.attempt()).isZero();
    assertThat(manifest.worker()).isEqualTo(WORKER);
  }

  @Test
  void afterAKillAtAnyChangeTheNextRunGetsTheSameResultAndRepeatsNoCommit() throws Exception {
    Answer undisturbed =
        steps(new FolderObjectStore(folder.resolve("undisturbed")))
            .run(STEP, Answer.class, attempt -> debate(attempt, new ArrayList<>()))
            .result()
            .orElseThrow();
    boolean killed = true;
    int kills = 0;
    for (int changes = 0; killed; changes++) {
      FolderObjectStore survivor = new FolderObjectStore(folder.resolve("killed-" + changes));
      FailingObjectStore dying = new FailingObjectStore(survivor, changes);
      List<Integer> computed = new ArrayList<>();
      try {
        stepsOfDeadProcess(dying).run(STEP, Answer.class, attempt -> debate(attempt, computed));
      } catch (FailingObjectStore.Killed e) {
        kills++;
      }
      killed = dying.dead();
      int committed = survivor.list("progress/").size();
      boolean finished = !survivor.list("steps/").isEmpty();

      List<Integer> computedAgain = new ArrayList<>();
      StepOutcome<Answer> outcome =
          steps(survivor).run(STEP, Answer.class, attempt -> debate(attempt, computedAgain));

      assertThat(outcome.result()).as("killed at change %s", changes).contains(undisturbed);
      assertThat(outcome.reused()).isEqualTo(finished);
      assertThat(computedAgain).hasSize(finished ? 0 : 3 - committed);
      if (!finished) {
        StepManifest manifest = steps(survivor).manifests().get(0);
        assertThat(manifest.usage()).containsExactly(Map.entry("sampledTokens", 30.0));
      }
    }
    assertThat(kills).isGreaterThan(12);
  }

  @Test
  void theClaimOfADeadProcessIsTakenOverAtOnce() throws Exception {
    FailingObjectStore dying = new FailingObjectStore(store, 3);
    assertThatThrownBy(
            () ->
                stepsOfDeadProcess(dying)
                    .run(STEP, Answer.class, attempt -> debate(attempt, new ArrayList<>())))
        .isInstanceOf(FailingObjectStore.Killed.class);
    assertThat(store.list("claims/")).hasSize(1);

    // The clock stands still: only the dead process frees the claim.
    StepOutcome<Answer> outcome =
        steps(store).run(STEP, Answer.class, attempt -> debate(attempt, new ArrayList<>()));
    assertThat(outcome.result()).isPresent();
    assertThat(steps(store).manifests().get(0).attempt()).isEqualTo(1);
  }

  @Test
  void twoRunsOfTheSameStepComputeItOnce() throws Exception {
    AtomicInteger bodies = new AtomicInteger();
    CountDownLatch computing = new CountDownLatch(1);
    CountDownLatch secondHasLooked = new CountDownLatch(3);
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try {
      Future<StepOutcome<Integer>> first =
          threads.submit(
              () ->
                  steps(store)
                      .run(
                          STEP,
                          Integer.class,
                          attempt -> {
                            bodies.incrementAndGet();
                            computing.countDown();
                            secondHasLooked.await();
                            return Optional.of(42);
                          }));
      computing.await();
      Future<StepOutcome<Integer>> second =
          threads.submit(
              () ->
                  steps(store)
                      .run(
                          STEP,
                          Integer.class,
                          attempt -> Optional.of(bodies.incrementAndGet()),
                          () -> {
                            secondHasLooked.countDown();
                            return false;
                          }));

      assertThat(first.get().result()).contains(42);
      assertThat(second.get().result()).contains(42);
      assertThat(second.get().reused()).isTrue();
      assertThat(bodies).hasValue(1);
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void aWaitingRunEndsWhenItIsAskedToStop() throws Exception {
    AtomicBoolean stop = new AtomicBoolean();
    StepOutcome<Integer> outer =
        stepsElsewhere(store)
            .run(
                STEP,
                Integer.class,
                attempt -> {
                  AtomicInteger looks = new AtomicInteger();
                  StepOutcome<Integer> waiting =
                      steps(store)
                          .run(
                              STEP,
                              Integer.class,
                              unused -> Optional.of(1),
                              () -> looks.incrementAndGet() > 2);
                  assertThat(waiting.result()).isEmpty();
                  stop.set(true);
                  assertThat(attempt.stopRequested()).isTrue();
                  return Optional.empty();
                },
                stop::get);
    assertThat(outer.result()).isEmpty();
  }

  @Test
  void anUnfinishedStepContinuesFromItsCommits() throws Exception {
    StepOutcome<Integer> part =
        steps(store)
            .run(
                STEP,
                Integer.class,
                attempt -> {
                  clock.advance(Duration.ofSeconds(2));
                  attempt.usage("deviceSeconds", 1.5);
                  attempt.commit(1);
                  attempt.usage("deviceSeconds", 99);
                  clock.advance(Duration.ofSeconds(50));
                  return Optional.empty();
                });
    assertThat(part.result()).isEmpty();

    StepOutcome<Integer> whole =
        steps(store)
            .run(
                STEP,
                Integer.class,
                attempt -> {
                  assertThat(attempt.number()).isEqualTo(1);
                  assertThat(attempt.commits(Integer.class)).containsExactly(1);
                  clock.advance(Duration.ofSeconds(3));
                  attempt.usage("deviceSeconds", 2.5);
                  return Optional.of(2);
                });

    assertThat(whole.result()).contains(2);
    StepManifest manifest = steps(store).manifest(STEP.key()).orElseThrow();
    assertThat(manifest.usage()).containsEntry("deviceSeconds", 4.0);
    assertThat(manifest.wallSeconds()).isEqualTo(5.0);
    assertThat(manifest.started()).isEqualTo("2026-01-02T03:04:05Z");
  }

  @Test
  void aFailingBodyReleasesItsClaimAndItsExceptionPassesUnchanged() throws Exception {
    IOException failure = new IOException("no such tokenizer");
    assertThatThrownBy(
            () ->
                stepsElsewhere(store)
                    .run(
                        STEP,
                        Integer.class,
                        attempt -> {
                          throw failure;
                        }))
        .isSameAs(failure);

    // The clock stands still and the other process cannot be seen: only the release frees the
    // claim.
    AtomicInteger looks = new AtomicInteger();
    StepOutcome<Integer> next =
        steps(store)
            .run(STEP, Integer.class, attempt -> Optional.of(5), () -> looks.incrementAndGet() > 3);
    assertThat(next.result()).contains(5);
  }

  @Test
  void aClaimWhoseReleaseNeverReachedTheStoreIsFreeToItsOwnProcess() throws Exception {
    IOException failure = new IOException("the store is gone");
    assertThatThrownBy(
            () ->
                steps(new FailingObjectStore(store, 1))
                    .run(
                        STEP,
                        Integer.class,
                        attempt -> {
                          throw failure;
                        }))
        .isSameAs(failure);

    // The clock stands still, so that the claim does not expire.
    AtomicInteger looks = new AtomicInteger();
    StepOutcome<Integer> elsewhere =
        stepsElsewhere(store)
            .run(STEP, Integer.class, attempt -> Optional.of(4), () -> looks.incrementAndGet() > 3);
    assertThat(elsewhere.result()).isEmpty();
    looks.set(0);
    StepOutcome<Integer> here =
        steps(store)
            .run(STEP, Integer.class, attempt -> Optional.of(5), () -> looks.incrementAndGet() > 3);
    assertThat(here.result()).contains(5);
  }

  @Test
  void anInterruptedAttemptReleasesItsClaim() throws Exception {
    assertThatThrownBy(
            () ->
                stepsElsewhere(store)
                    .run(
                        STEP,
                        Integer.class,
                        attempt -> {
                          Thread.currentThread().interrupt();
                          throw new InterruptedException("worker shuts down");
                        }))
        .isInstanceOf(InterruptedException.class);
    assertThat(Thread.interrupted()).isTrue();

    AtomicInteger looks = new AtomicInteger();
    StepOutcome<Integer> next =
        steps(store)
            .run(STEP, Integer.class, attempt -> Optional.of(5), () -> looks.incrementAndGet() > 3);
    assertThat(next.result()).contains(5);
  }

  @Test
  void theLateManifestOfAnExpiredOwnerIsDroppedForTheRecordedOne() throws Exception {
    StepOutcome<Integer> zombie =
        stepsElsewhere(store)
            .run(
                STEP,
                Integer.class,
                attempt -> {
                  clock.advance(Duration.ofSeconds(61));
                  StepOutcome<Integer> successor =
                      steps(store).run(STEP, Integer.class, unused -> Optional.of(1));
                  assertThat(successor.reused()).isFalse();
                  return Optional.of(2);
                });

    assertThat(zombie.result()).contains(1);
    assertThat(zombie.reused()).isTrue();
    assertThat(steps(store).manifest(STEP.key()).orElseThrow().result().intValue()).isEqualTo(1);
    assertThat(store.list("claims/")).isEmpty();
  }

  @Test
  void anOwnerThatWasTakenOverCannotCommitAnyMore() throws Exception {
    assertThatThrownBy(
            () ->
                stepsElsewhere(store)
                    .run(
                        STEP,
                        Integer.class,
                        zombie -> {
                          zombie.commit(10);
                          clock.advance(Duration.ofSeconds(61));
                          steps(store)
                              .run(
                                  STEP,
                                  Integer.class,
                                  attempt -> {
                                    assertThat(attempt.commits(Integer.class)).containsExactly(10);
                                    attempt.commit(11);
                                    return Optional.empty();
                                  });
                          // The same value: still another attempt's commit.
                          zombie.commit(11);
                          return Optional.of(0);
                        }))
        .isInstanceOfSatisfying(
            PolyphonyException.class,
            e -> assertThat(e.errorClass()).isEqualTo(ErrorClass.INFRASTRUCTURE))
        .hasMessageContaining("taken over");

    StepOutcome<List<?>> after =
        run(steps(store), attempt -> Optional.of(attempt.commits(Integer.class)));
    assertThat(after.result()).hasValue(List.of(10, 11));
  }

  @Test
  void anOwnerThatStoodStillLooksWhetherItWasTakenOverBeforeItCommits() throws Exception {
    assertThatThrownBy(
            () ->
                stepsElsewhere(store)
                    .run(
                        STEP,
                        Integer.class,
                        zombie -> {
                          clock.advance(Duration.ofSeconds(61));
                          // Nobody wanted it meanwhile.
                          zombie.commit(10);
                          clock.advance(Duration.ofSeconds(61));
                          StepOutcome<Integer> other =
                              steps(store)
                                  .run(
                                      STEP,
                                      Integer.class,
                                      attempt -> {
                                        assertThatThrownBy(() -> zombie.commit(11))
                                            .hasMessageContaining("taken over");
                                        attempt.commit(11);
                                        return Optional.empty();
                                      });
                          assertThat(other.result()).isEmpty();
                          zombie.commit(12);
                          return Optional.of(0);
                        }))
        .hasMessageContaining("taken over");
    StepOutcome<List<?>> after =
        run(steps(store), attempt -> Optional.of(attempt.commits(Integer.class)));
    assertThat(after.result()).hasValue(List.of(10, 11));
  }

  @SuppressWarnings("unchecked")
  private static StepOutcome<List<?>> run(Steps steps, StepBody<List<?>> body) throws Exception {
    return steps.run(STEP, (Class<List<?>>) (Class<?>) List.class, body);
  }

  @Test
  void aRenewedClaimDoesNotExpireAndATakenOneIsSeenAtTheNextRenewal() {
    Claims mine =
        new Claims(
            store,
            new ProcessIdentity("here", "a", 1, null),
            clock,
            Duration.ofSeconds(60),
            Duration.ofHours(1));
    Claims others =
        new Claims(
            store,
            new ProcessIdentity("there", "b", 1, null),
            clock,
            Duration.ofSeconds(60),
            Duration.ofHours(1));
    try (Claims.Held held = mine.tryTake("step").orElseThrow()) {
      clock.advance(Duration.ofSeconds(50));
      held.renew();
      clock.advance(Duration.ofSeconds(50));
      assertThat(others.tryTake("step")).isEmpty();
      clock.advance(Duration.ofSeconds(11));
      try (Claims.Held taken = others.tryTake("step").orElseThrow()) {
        assertThat(held.lost()).isFalse();
        held.renew();
        assertThat(held.lost()).isTrue();
        taken.renew();
        assertThat(taken.lost()).isFalse();
      }
    }
  }

  @Test
  void claimsAreRenewedInTheBackgroundWhileTheBodyWorks() throws Exception {
    Steps.Timing fast =
        new Steps.Timing(Duration.ofSeconds(60), Duration.ofMillis(1), Duration.ofMillis(2));
    Steps renewing = new Steps(store, new Artifacts(store, cache), WORKER, clock, fast);
    renewing.run(
        STEP,
        Integer.class,
        attempt -> {
          String claim = store.list("claims/").get(0);
          byte[] before = store.bytes(claim, 1 << 16);
          clock.advance(Duration.ofSeconds(30));
          byte[] after = before;
          while (Arrays.equals(before, after)) {
            Thread.sleep(1);
            after = store.bytes(claim, 1 << 16);
          }
          assertThat(new String(after, UTF_8)).contains("03:05:35Z");
          return Optional.of(1);
        });
  }

  @Test
  void aStepWhoseOutputIsMissingIsComputedAgainAndItsOldManifestIsKept() throws Exception {
    List<Integer> computed = new ArrayList<>();
    Answer first =
        steps(store)
            .run(STEP, Answer.class, attempt -> debate(attempt, computed))
            .result()
            .orElseThrow();
    byte[] manifest = store.bytes("steps/" + STEP.key() + ".json", 1 << 20);
    store.delete(Artifacts.key(first.text()));

    StepOutcome<Answer> again =
        steps(store).run(STEP, Answer.class, attempt -> debate(attempt, computed));

    assertThat(again.reused()).isFalse();
    assertThat(again.result()).contains(first);
    assertThat(computed).containsExactly(0, 1, 2, 0, 1, 2);
    List<String> kept = store.list("steps/set-aside/");
    assertThat(kept).hasSize(1);
    assertThat(store.bytes(kept.get(0), 1 << 20)).isEqualTo(manifest);
    assertThat(steps(store).manifests()).hasSize(1);
  }

  @Test
  void aManifestThatWasTamperedWithDoesNotCount() throws Exception {
    String object = "steps/" + STEP.key() + ".json";
    steps(store).run(STEP, Integer.class, attempt -> Optional.of(1));
    String json = new String(store.bytes(object, 1 << 20), UTF_8);
    for (String damaged :
        List.of(
            json.replace("what?", "why?"),
            json.replace("\"processId\":7", "\"processId\":8"),
            "{}",
            "",
            json.substring(0, 90),
            "[1]",
            "null")) {
      store.write(object, damaged.getBytes(UTF_8));
      assertThat(steps(store).run(STEP, Integer.class, attempt -> Optional.of(7)).result())
          .as(damaged)
          .contains(7);
    }
  }

  @Test
  void aStepSetAsideByHandIsComputedAgain() throws Exception {
    steps(store).run(STEP, Integer.class, attempt -> Optional.of(1));
    assertThat(steps(store).wasSetAside(STEP.key())).isFalse();
    assertThat(steps(store).setAside(STEP.key())).isTrue();
    assertThat(steps(store).setAside(STEP.key())).isFalse();
    assertThat(steps(store).wasSetAside(STEP.key())).isTrue();
    assertThat(steps(store).run(STEP, Integer.class, attempt -> Optional.of(2)).result())
        .contains(2);
  }

  @Test
  void aDiscardedStepIsComputedFromItsStartAndItsDamagedOutputsAreWrittenAnew() throws Exception {
    List<Integer> computed = new ArrayList<>();
    Answer answer =
        steps(store)
            .run(STEP, Answer.class, attempt -> debate(attempt, computed))
            .result()
            .orElseThrow();
    store.write(Artifacts.key(answer.text()), "toTal 300".getBytes(UTF_8));
    assertThat(steps(store).run(STEP, Answer.class, attempt -> Optional.empty()).reused()).isTrue();
    assertThat(steps(store).discard(STEP.key())).isTrue();
    assertThat(store.size(Artifacts.key(answer.text()))).isEmpty();
    assertThat(steps(store).run(STEP, Answer.class, attempt -> debate(attempt, computed)).result())
        .contains(answer);
    assertThat(computed).containsExactly(0, 1, 2, 0, 1, 2);
    assertThat(new Artifacts(store, cache).bytes(answer.text())).asString().isEqualTo("total 300");
    assertThat(steps(store).discard("0".repeat(64))).isFalse();
  }

  @Test
  void theCommitsOfADiscardedStepDoNotCount() throws Exception {
    List<Integer> computed = new ArrayList<>();
    steps(store)
        .run(
            STEP,
            Answer.class,
            attempt -> {
              debate(attempt, computed);
              return Optional.empty();
            });
    assertThat(steps(store).discard(STEP.key())).isTrue();
    steps(store).run(STEP, Answer.class, attempt -> debate(attempt, computed));
    assertThat(computed).containsExactly(0, 1, 2, 0, 1, 2);
  }

  @Test
  void aCommitInWhichAByteChangedDoesNotCount() throws Exception {
    steps(store)
        .run(
            STEP,
            Answer.class,
            attempt -> {
              debate(attempt, new ArrayList<>());
              return Optional.empty();
            });
    String second = "progress/" + STEP.key() + "/00000001.json";
    String json = new String(store.bytes(second, 1 << 20), UTF_8);
    store.write(second, json.replace("\"value\":100", "\"value\":900").getBytes(UTF_8));
    List<Integer> computed = new ArrayList<>();
    assertThat(
            steps(store)
                .run(STEP, Answer.class, attempt -> debate(attempt, computed))
                .result()
                .orElseThrow()
                .total())
        .isEqualTo(300);
    assertThat(computed).containsExactly(1, 2);
  }

  @Test
  void theUseOfAStepIsNotedOnce() throws Exception {
    steps(store).use("mine", "mine/iteration-001", STEP);
    steps(store).use("mine", "mine/iteration-002", STEP);
    assertThat(store.list("uses/")).containsExactly(StepUse.object("mine", STEP.key()));
    StepUse use = StepUse.read(store, StepUse.object("mine", STEP.key()));
    assertThat(use).isEqualTo(new StepUse("debate", "mine/iteration-001"));
  }

  @Test
  void commitsBehindAGapOrWithMissingArtifactsAreSetAside() throws Exception {
    steps(store)
        .run(
            STEP,
            Answer.class,
            attempt -> {
              for (int i = 0; i < 4; i++) {
                byte[] content = ("checkpoint " + i).getBytes(UTF_8);
                attempt.commit(new Answer(i, attempt.put(content, "text/plain", "checkpoint")));
              }
              return Optional.empty();
            });
    store.delete("objects/" + Sha256.of("checkpoint 2".getBytes(UTF_8)));

    steps(store)
        .run(
            STEP,
            Integer.class,
            attempt -> {
              assertThat(attempt.commits(Answer.class))
                  .extracting(Answer::total)
                  .containsExactly(0, 1);
              attempt.commit(Map.of("total", 2));
              attempt.commit(Map.of("total", 3));
              return Optional.empty();
            });
    assertThat(store.list("progress/set-aside/")).hasSize(2);
    store.delete("progress/" + STEP.key() + "/00000001.json");

    steps(store)
        .run(
            STEP,
            Integer.class,
            attempt -> {
              assertThat(attempt.commits(Answer.class))
                  .extracting(Answer::total)
                  .containsExactly(0);
              return Optional.of(1);
            });
    assertThat(store.list("progress/set-aside/")).hasSize(4);
    assertThat(store.list("progress/" + STEP.key() + "/")).isEmpty();
  }

  @Test
  void checkpointsThatOnlyCommitsNameAreNoOutputs() throws Exception {
    steps(store)
        .run(
            STEP,
            Answer.class,
            attempt -> {
              ArtifactRef early = attempt.put(new byte[] {1}, "text/plain", "early");
              ArtifactRef last = attempt.put(new byte[] {2}, "text/plain", "last");
              attempt.put(new byte[] {3}, "text/plain", "log");
              attempt.commit(new Answer(0, early));
              attempt.commit(new Answer(1, last));
              return Optional.of(new Answer(1, last));
            });
    assertThat(steps(store).manifest(STEP.key()).orElseThrow().outputs())
        .extracting(ArtifactRef::name)
        .containsExactly("last", "log");
  }

  @Test
  void aResultThatNamesAnArtifactNobodyStoredIsRefused() {
    ArtifactRef invented = new ArtifactRef("0".repeat(64), 1, "text/plain", "invented");
    assertThatThrownBy(
            () ->
                steps(store)
                    .run(STEP, Answer.class, attempt -> Optional.of(new Answer(1, invented))))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("invented");
    assertThat(store.list("steps/")).isEmpty();
  }

  @Test
  void aRecordedResultOfAnotherShapeIsADataErrorThatSaysWhatToDo() throws Exception {
    steps(store).run(STEP, String.class, attempt -> Optional.of("text"));
    assertThatThrownBy(() -> steps(store).run(STEP, Answer.class, attempt -> Optional.empty()))
        .isInstanceOf(PolyphonyException.class)
        .hasMessageContaining("raise the step's version");
  }

  @Test
  void numbersOfResultsKeepAllTheirDigits() throws Exception {
    record Numbers(long seed, double loss, double nothing, float rate) {}
    Numbers numbers = new Numbers(Long.MAX_VALUE - 1, 0.1 + 0.2, Double.NaN, 0.1f);
    steps(store).run(STEP, Numbers.class, attempt -> Optional.of(numbers));
    assertThat(steps(store).run(STEP, Numbers.class, attempt -> Optional.empty()).result())
        .contains(numbers);
  }

  @Test
  void theKeyDependsOnNameVersionAndInputsAndNotOnFieldsLeftOut() {
    assertThat(STEP.key())
        .isEqualTo(new Step("debate", 1, Map.of("question", "what?", "agents", 3)).key())
        .isEqualTo(
            Sha256.of(
                "{\"inputs\":{\"agents\":3,\"question\":\"what?\"},\"name\":\"debate\",\"version\":1}"
                    .getBytes(UTF_8)))
        .isNotEqualTo(new Step("vote", 1, STEP.inputs()).key())
        .isNotEqualTo(new Step("debate", 2, STEP.inputs()).key())
        .isNotEqualTo(new Step("debate", 1, new Inputs("what?", 3, "think")).key());
  }

  @Test
  void aProcessOnAnotherMachineOrInAnotherContainerIsNeverTakenForDead() throws Exception {
    ProcessIdentity here = ProcessIdentity.current();
    Process process = new ProcessBuilder("true").start();
    process.waitFor();
    long dead = process.pid();
    assertThat(here.knowsDead(here)).isFalse();
    assertThat(here.knowsDead(new ProcessIdentity(here.host(), here.space(), dead, null))).isTrue();
    assertThat(here.knowsDead(new ProcessIdentity("elsewhere", here.space(), dead, null)))
        .isFalse();
    assertThat(here.knowsDead(new ProcessIdentity(here.host(), "container", dead, null))).isFalse();
    // The same process id, given to a process that started at another time.
    assertThat(
            here.knowsDead(
                new ProcessIdentity(
                    here.host(), here.space(), here.processId(), "2001-01-01T00:00:00Z")))
        .isTrue();
  }
}
