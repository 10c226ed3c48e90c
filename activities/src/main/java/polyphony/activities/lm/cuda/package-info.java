/**
 * What a GPU needs before anything is computed on it. Start with {@link
 * polyphony.activities.lm.cuda.CudaRequirements}, which checks it and says what is missing; what it
 * asks for stands behind {@link polyphony.activities.lm.cuda.CudaProbe}, so that tests can take any
 * of it away. Nothing here computes, and nothing here is loaded that is not there.
 */
package polyphony.activities.lm.cuda;
