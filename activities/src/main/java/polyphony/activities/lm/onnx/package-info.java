/**
 * The decoder as an ONNX graph, and sampling and scoring with ONNX Runtime. Start with {@link
 * polyphony.activities.lm.onnx.DecoderGraph}, which emits the two graphs; {@link
 * polyphony.activities.lm.onnx.OnnxSampler} and {@link polyphony.activities.lm.onnx.OnnxScorer} run
 * them. {@link polyphony.activities.lm.onnx.Decoder} is the transformer itself, {@link
 * polyphony.activities.lm.onnx.TokenSelection} the draw of one token, {@link
 * polyphony.activities.lm.onnx.GraphBuilder} the notation that both are written in. {@link
 * polyphony.activities.lm.onnx.AdapterStack} lets the rows of a batch be of models that differ by
 * their adapters. {@link polyphony.activities.lm.onnx.EncoderGraph} is a T5 encoder in the same
 * notation.
 *
 * <p>A graph is written as its {@link polyphony.activities.lm.onnx.GraphVariant} says: the
 * processor and CUDA have operators for different forms of attention and different numbers. {@link
 * polyphony.activities.lm.onnx.CopyNodes} counts what ONNX Runtime copies between the two.
 */
package polyphony.activities.lm.onnx;
