package polyphony.activities.audit;

import java.util.List;

/** Where histories can be read. */
public interface Histories {
  /** What they are read from, in words. */
  String source();

  /** Every run that is known of a workflow, the latest last. */
  List<WorkflowRun> runs(String workflowId);

  /** Nothing can be read. */
  static Histories none(String source) {
    return new Histories() {
      @Override
      public String source() {
        return source;
      }

      @Override
      public List<WorkflowRun> runs(String workflowId) {
        return List.of();
      }
    };
  }
}
