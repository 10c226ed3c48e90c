package polyphony.workers;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

/** How all commands present themselves: what they have in common comes last, and in one order. */
final class CommandHelp {
  /** Commands by what a person wants to do. */
  static final Map<String, List<String>> GROUPS = groups();

  private static final List<String> COMMON =
      List.of("--store", "--json", "--csv", "--verbose", "--help", "--version");

  /** Such as {@code --evaluate-questions=COUNT}. */
  private static final int LONGEST_OPTION = 30;

  private CommandHelp() {}

  private static Map<String, List<String>> groups() {
    Map<String, List<String>> groups = new LinkedHashMap<>();
    groups.put("Running", List.of("run", "compare", "reproduce", "start"));
    groups.put(
        "Watching and steering",
        List.of(
            "list",
            "status",
            "watch",
            "pause",
            "resume",
            "stop-after-iteration",
            "extend",
            "retry",
            "skip",
            "recompute",
            "abort"));
    groups.put("Results", List.of("lineage", "re-grade", "grade"));
    groups.put("Store", List.of("audit", "prune"));
    groups.put("Servers", List.of("bootstrap", "worker"));
    groups.put("Models and data", List.of("import", "data", "pretrain"));
    groups.put(
        "This program and machine", List.of("bench", "config", "completion", "version", "help"));
    return groups;
  }

  /**
   * Has a command and all below it presented so.
   *
   * @param width columns that there are
   */
  static void dress(CommandLine command, int width) {
    UsageMessageSpec usage = command.getCommandSpec().usageMessage();
    usage.width(Math.max(55, Math.min(width, 100)));
    usage.abbreviateSynopsis(true);
    usage.sortOptions(false);
    usage.longOptionsMaxWidth(LONGEST_OPTION);
    command.getCommandSpec().versionProvider(new Version());
    usage.synopsisHeading("%nUsage: ");
    usage.descriptionHeading("%n");
    usage.parameterListHeading("%nArguments:%n");
    usage.optionListHeading("");
    usage.sectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, CommandHelp::options);
    if (command.getParent() == null) {
      usage.commandListHeading("");
      List<String> sections = new ArrayList<>(usage.sectionKeys());
      // There are more commands than options.
      sections.remove(UsageMessageSpec.SECTION_KEY_OPTION_LIST);
      sections.add(
          sections.indexOf(UsageMessageSpec.SECTION_KEY_COMMAND_LIST) + 1,
          UsageMessageSpec.SECTION_KEY_OPTION_LIST);
      usage.sectionKeys(sections);
      usage.sectionMap().put(UsageMessageSpec.SECTION_KEY_COMMAND_LIST, CommandHelp::commands);
    } else {
      usage.commandListHeading("%nCommands:%n");
    }
    command.getSubcommands().values().forEach(each -> dress(each, width));
  }

  /** The command's own options, then groups of them, then those that most commands have. */
  private static String options(Help help) {
    Set<OptionSpec> grouped = new HashSet<>();
    for (ArgGroupSpec group : help.commandSpec().argGroups()) {
      if (group.heading() != null) {
        grouped.addAll(group.allOptionsNested());
      }
    }
    List<OptionSpec> own = new ArrayList<>();
    List<OptionSpec> common = new ArrayList<>();
    for (OptionSpec option : help.commandSpec().options()) {
      if (COMMON.contains(option.longestName())) {
        common.add(option);
      } else if (!grouped.contains(option)) {
        own.add(option);
      }
    }
    common.sort(Comparator.comparing(each -> COMMON.indexOf(each.longestName())));
    return section(help, own.isEmpty() ? "" : "%nOptions:%n", own)
        + help.optionListGroupSections()
        + section(help, "%nCommon options:%n", common);
  }

  private static String section(Help help, String heading, List<OptionSpec> options) {
    return options.isEmpty()
        ? ""
        : help.createHeading(heading)
            + help.optionListExcludingGroups(
                options,
                help.createDefaultLayout(options, List.of(), help.colorScheme()),
                null,
                help.parameterLabelRenderer());
  }

  private static String commands(Help help) {
    Map<String, Help> all = new LinkedHashMap<>(help.subcommands());
    StringBuilder text = new StringBuilder();
    GROUPS.forEach(
        (title, names) -> {
          Map<String, Help> group = new LinkedHashMap<>();
          for (String name : names) {
            Help each = all.remove(name);
            if (each != null) {
              group.put(name, each);
            }
          }
          text.append(group(help, title, group));
        });
    return text + group(help, "More", all);
  }

  private static String group(Help help, String title, Map<String, Help> commands) {
    return commands.isEmpty()
        ? ""
        : help.createHeading("%n" + title + ":%n") + help.commandList(commands);
  }
}
