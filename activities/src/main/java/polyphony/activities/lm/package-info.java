/**
 * The language-model API: what a step may ask of a model. Start with {@link
 * polyphony.activities.lm.LanguageModel} (a checkpoint on disk) and {@link
 * polyphony.activities.lm.LanguageModelRuntime}, which opens it as a {@link
 * polyphony.activities.lm.Sampler}, {@link polyphony.activities.lm.Scorer} or {@link
 * polyphony.activities.lm.Trainer}. A step talks to a model in {@link
 * polyphony.activities.lm.Conversation}s, which {@link polyphony.activities.lm.ChatFormat} starts
 * and continues. What a model computes is its {@link polyphony.activities.lm.DecoderConfig}, which
 * {@code DecoderConfigFile} reads; whoever adds an architecture starts there and in {@code
 * architectures.json}. An {@link polyphony.activities.lm.Adapter} is what one agent adds to a model
 * that several share. {@link polyphony.activities.lm.MemoryPlan} says beforehand what a piece of
 * work will take. What is computed on is a {@link polyphony.activities.lm.Device}; {@code cuda}
 * checks what a GPU needs. No file of a model is trusted: {@code TokenizerFile} and {@code
 * TemplateValues} say what may reach the libraries behind them. An {@link
 * polyphony.activities.lm.EncoderModel} does not speak: it only compares texts, as an {@link
 * polyphony.activities.lm.Encoder}. Nothing here knows of debates; nothing above names ONNX or DJL.
 */
package polyphony.activities.lm;
