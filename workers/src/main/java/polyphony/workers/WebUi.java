package polyphony.workers;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import polyphony.workflows.Activities;

/**
 * Links into Temporal's Web UI.
 *
 * @param address such as {@code http://localhost:8233}
 */
record WebUi(String address, String namespace) {

  /** An experiment's latest run. */
  String experiment(String name) {
    return workflows() + "/" + encoded(name);
  }

  /**
   * The form that starts an experiment, filled in but for the input: the UI takes none from a link,
   * and an empty one is the default experiment.
   */
  String start(String name) {
    return workflows()
        + "/start-workflow?workflowId="
        + encoded(name)
        + "&taskQueue="
        + encoded(Activities.ORCHESTRATION)
        + "&workflowType=MultiagentFinetuning";
  }

  private String workflows() {
    return address + "/namespaces/" + encoded(namespace) + "/workflows";
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
