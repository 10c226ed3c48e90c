/**
 * What becomes of an experiment when processes die, servers go away and disks are full: real
 * servers, real workers, a fault in the middle, and then the question whether anything was lost or
 * done twice.
 *
 * <p>Start with {@link polyphony.workers.chaos.Fault} (what is done to an experiment, and when) and
 * {@link polyphony.workers.chaos.Trial} (one experiment that it is done to). A {@link
 * polyphony.workers.chaos.Scene} is the servers and workers of one experiment. Everything that is
 * claimed rests on two records made outside of the program under test: what reached the store
 * ({@link polyphony.workers.chaos.StoreJournal}, written by a proxy before it) and what was sampled
 * and trained ({@link polyphony.workers.chaos.WorkLog}, written around the native runtimes).
 */
package polyphony.workers.chaos;
