/**
 * Artifacts: content-addressed objects, manifests and memoised steps, in a local folder or in any
 * S3 store. Start with {@link polyphony.storage.ArtifactRef}.
 */
package polyphony.storage;
