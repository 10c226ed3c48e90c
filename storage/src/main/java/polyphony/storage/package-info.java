/**
 * Artifacts: content-addressed objects, manifests and memoised steps, in a local folder or in any
 * S3 store.
 *
 * <p>Start with {@link polyphony.storage.Steps}, which does a unit of work once for all runs. It
 * stands on {@link polyphony.storage.Artifacts}, objects named by their hash, and both on {@link
 * polyphony.storage.ObjectStore}. What lies where in a store:
 *
 * <ul>
 *   <li>{@code objects/<sha256>}: the content of an {@link polyphony.storage.ArtifactRef}
 *   <li>{@code steps/<key>.json}: the {@link polyphony.storage.StepManifest} of a finished step
 *   <li>{@code progress/<key>/<number>.json}: commits of a step that is not finished
 *   <li>{@code claims/<key>/<generation>.json}: who is computing a step
 *   <li>{@code uses/<user>/<key>.json}: who needs a step, a {@link polyphony.storage.StepUse}
 *   <li>{@code steps/set-aside/}, {@code progress/set-aside/}: records that no longer count
 * </ul>
 *
 * <p>Whoever keeps records of its own beside these (experiments do) names artifacts in them as JSON
 * does; {@link polyphony.storage.audit} follows these names. What is not an object named by its
 * hash carries a seal: {@link polyphony.storage.Sealed}.
 */
package polyphony.storage;
