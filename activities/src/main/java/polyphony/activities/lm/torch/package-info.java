/**
 * Training: the decoder as TorchScript, called through DJL's PyTorch engine. Start with {@link
 * polyphony.activities.lm.torch.TorchTrainer}; what it computes is written down in {@link
 * polyphony.activities.lm.torch.DecoderScript}, in source that libtorch compiles.
 *
 * <p>Why TorchScript and not single DJL operations: the Java binding has no fused attention, no
 * fused optimizer and no bfloat16, and one call for a whole forward pass is faster. Why written
 * from Java: so that the project needs no Python, and the decoder's sizes are constants in it. The
 * same decoder over single DJL operations lives in the tests, as an oracle.
 */
package polyphony.activities.lm.torch;
