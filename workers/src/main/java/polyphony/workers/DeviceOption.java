package polyphony.workers;

import picocli.CommandLine.Option;

/** {@code --device}, for commands that compute with models. */
final class DeviceOption {
  static final String NAME = "--device";

  @Option(
      names = NAME,
      paramLabel = "DEVICE",
      completionCandidates = Choices.Devices.class,
      description =
          "What models are computed on: cpu, or a GPU such as cuda:0; auto: that one, if there is"
              + " all that it needs, else the CPU (default: the setting device, or auto).")
  private String device;

  /** The settings, with what was given here. */
  Settings over(Settings settings) {
    return settings.withDevice(device);
  }
}
