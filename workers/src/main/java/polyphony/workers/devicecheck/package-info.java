/**
 * {@code polyphony bench device}: whether a device computes what the CPU does, and how fast it is
 * against what it could be. It runs on the CPU too, small, so that every line of it is tested where
 * there is no GPU.
 *
 * <p>Start with {@link polyphony.workers.devicecheck.DeviceCommand} and {@code Part}, the list of
 * what is done. Each part runs in a process of its own ({@link
 * polyphony.workers.devicecheck.PartMain}), which a crash or a time limit ends without the others;
 * what it finds reaches the parent line by line.
 */
package polyphony.workers.devicecheck;
