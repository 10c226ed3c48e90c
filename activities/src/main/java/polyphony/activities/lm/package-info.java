/**
 * The language-model API: what a step may ask of a model. Start with {@link
 * polyphony.activities.lm.LanguageModel} (a checkpoint on disk) and {@link
 * polyphony.activities.lm.LanguageModelRuntime}, which opens it as a {@link
 * polyphony.activities.lm.Sampler}, {@link polyphony.activities.lm.Scorer} or {@link
 * polyphony.activities.lm.Trainer}. Nothing here knows of debates; nothing above names ONNX or DJL.
 */
package polyphony.activities.lm;
