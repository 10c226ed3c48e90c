package polyphony.workers.isolation;

/** Is told when models are at work. */
public interface BusyListener {
  void begin();

  void end();
}
