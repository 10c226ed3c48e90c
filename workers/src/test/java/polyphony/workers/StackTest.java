package polyphony.workers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Set;
import org.junit.jupiter.api.Test;

class StackTest {
  @Test
  void whereItCannotBeStartedItsServiceIsClosed() {
    TemporalAccess temporal = TemporalAccess.inProcess("test");
    StepActivities nothing = new StepActivities(null, null, null);
    assertThatThrownBy(() -> Stack.start(temporal, Set.copyOf(Stack.QUEUES), 1, nothing))
        .isInstanceOf(RuntimeException.class);
    assertThat(temporal.stubs().isShutdown()).isTrue();
  }
}
