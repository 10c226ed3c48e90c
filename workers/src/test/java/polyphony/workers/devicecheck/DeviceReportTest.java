package polyphony.workers.devicecheck;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import polyphony.workers.devicecheck.Finding.Ceiling;
import polyphony.workers.devicecheck.Finding.Fact;
import polyphony.workers.devicecheck.Finding.NotDone;
import polyphony.workers.devicecheck.Finding.Resource;
import polyphony.workers.devicecheck.Finding.Speed;
import polyphony.workers.devicecheck.Finding.Verdict;

class DeviceReportTest {
  private static final List<Finding> GOOD =
      List.of(
          new Fact("device", "NVIDIA H200, driver 570.124.06 " + "and more ".repeat(20)),
          new Verdict("Llama: divergence of distributions over given texts, nats", 3.1e-4, 2e-3),
          new Verdict(
              "LoRA, killed and resumed: bytes that differ from an undisturbed one's", 0, 0),
          new Ceiling("copies in the device's memory", Resource.BANDWIDTH, 4.3e12),
          new Ceiling("products of matrices, 8192 wide, bf16", Resource.MATMUL, 780e12),
          new Speed("8B sampling, batch 256", 12_345, Resource.BANDWIDTH, 2.15e12, 40L << 30, 50),
          new Speed(
              "1B training, full, recomputed", 98_765, Resource.MATMUL, 390e12, null, 50L << 30),
          new NotDone("training, 8B", false, "out of memory: " + "much too large ".repeat(30)));

  private static DeviceReport report(Finding... more) {
    List<Finding> all = new ArrayList<>(GOOD);
    all.addAll(Arrays.asList(more));
    return new DeviceReport("cuda:0", false, 471.4, all);
  }

  @Test
  void noLineIsWiderThan100Columns() {
    assertThat(report().text().lines()).allMatch(line -> line.length() <= 100);
  }

  @Test
  void speedsAreSharesOfTheirCeilings() {
    assertThat(report().text().lines().filter(line -> line.contains("8B sampling")))
        .singleElement()
        .asString()
        .contains("12,345", "2,150.0 GB/s", "50 %", "42.95");
    assertThat(report().text().lines().filter(line -> line.contains("1B training")))
        .singleElement()
        .asString()
        .contains("98,765", "390.00 TFLOP/s", "50 %", "–");
  }

  @Test
  void speedsWithoutACeilingAreToldAllTheSame() {
    List<Finding> findings = GOOD.stream().filter(each -> !(each instanceof Ceiling)).toList();

    assertThat(new DeviceReport("cuda:0", false, 1, findings).text()).contains("12,345");
  }

  @Test
  void whatCouldNotBeMeasuredIsNoFailure() {
    assertThat(report().passed()).isTrue();
    assertThat(report().text())
        .contains("not done\ntraining, 8B: out of memory", "everything verified agrees on cuda:0");
  }

  @Test
  void aBoundThatIsBrokenIsAFailure() {
    DeviceReport report = report(new Verdict("Qwen2, full: losses", 0.03, 0.02));

    assertThat(report.passed()).isFalse();
    assertThat(report.text())
        .containsPattern("0\\.030 +0\\.020 +FAILED")
        .contains("NOT everything");
  }

  @Test
  void whatIsNoNumberIsAFailure() {
    assertThat(report(new Verdict("Qwen2, full: losses", Double.NaN, 0.02)).passed()).isFalse();
  }

  @Test
  void whatCouldNotBeVerifiedIsAFailure() {
    assertThat(report(new NotDone("a training is killed", true, "no time left")).passed())
        .isFalse();
  }

  @Test
  void aCheckWithoutFindingsVerifiedNothing() {
    assertThat(new DeviceReport("cuda:0", false, 1, List.of()).passed()).isFalse();
  }
}
