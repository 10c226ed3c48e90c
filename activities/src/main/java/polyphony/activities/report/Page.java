package polyphony.activities.report;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;
import java.util.Properties;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * What all reports have around them and in common: the head, figures, notes, and the foot. Nothing
 * is loaded, from nowhere, and no script runs but the two that are named by their hash.
 */
final class Page {
  private static final String D3 = "META-INF/resources/webjars/d3/";
  private static final String D3_VERSION = "META-INF/maven/org.webjars.npm/d3/pom.properties";

  private final Html html = new Html();
  private final Html contents = new Html();
  private final Html body = new Html();
  private final String title;
  private final String kind;
  private int figures;
  private int tables;

  /**
   * @param kind what it reports on, such as {@code experiment}
   * @param title its name
   */
  Page(String kind, String title) {
    this.kind = kind;
    this.title = title;
  }

  /** Where everything below the title is written. */
  Html body() {
    return body;
  }

  /** Begins a part, which the table of contents lists. */
  Page section(String id, String heading) {
    contents.open("li").element("a", heading, "href", "#" + id).close("li");
    body.open("section", "id", id, "aria-labelledby", id + "-heading");
    body.element("h2", heading, "id", id + "-heading");
    return this;
  }

  Page paragraph(String text) {
    body.element("p", text);
    return this;
  }

  void end() {
    body.close("section");
  }

  /**
   * Charts side by side.
   *
   * @param caption what one sees and what not to conclude
   */
  Page figure(String caption, List<Chart> charts) {
    figures++;
    body.open("figure");
    body.open("div", "class", "charts");
    for (Chart chart : charts) {
      body.open("div", "class", "panel").element("p", chart.title(), "class", "panel-title");
      body.open(
              "div",
              "class",
              "chart",
              "role",
              "img",
              "aria-label",
              "Chart: " + chart.title() + ". The numbers are in the tables.",
              "data-chart",
              chart.json())
          .element("noscript", "Charts are drawn by a script; the tables have the numbers.")
          .close("div");
      body.close("div");
    }
    body.close("div");
    body.open("figcaption").element("strong", "Figure " + figures + ". ").text(caption);
    body.close("figcaption").close("figure");
    return this;
  }

  /**
   * A table with a number.
   *
   * @param caption what it shows
   */
  Page table(String caption, List<String> heads, List<List<Html.Cell>> rows) {
    tables++;
    body.table("table-" + tables, "Table " + tables + ". " + caption, heads, rows);
    return this;
  }

  /** What is missing, where something is. */
  Page notes(List<String> notes) {
    if (!notes.isEmpty()) {
      body.open("aside", "class", "notes", "role", "note");
      body.element("p", "Not everything could be read. This report lacks:").open("ul");
      notes.forEach(note -> body.element("li", note));
      body.close("ul").close("aside");
    }
    return this;
  }

  /** The whole document in UTF-8. */
  byte[] bytes() {
    String version = version();
    String style = resource("/polyphony/report/report.css");
    String d3 = resource("/" + D3 + version + "/dist/d3.min.js");
    String charts = resource("/polyphony/report/charts.js");
    String licence = resource("/" + D3 + version + "/LICENSE");
    String policy =
        "default-src 'none'; script-src "
            + source(d3)
            + " "
            + source(charts)
            + "; style-src "
            + source(style)
            + "; base-uri 'none'; form-action 'none'";
    html.open("!doctype html").open("html", "lang", "en").open("head");
    html.open("meta", "charset", "utf-8");
    html.open("meta", "http-equiv", "Content-Security-Policy", "content", policy);
    html.open("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
    html.open("meta", "name", "color-scheme", "content", "light dark");
    html.open("meta", "name", "referrer", "content", "no-referrer");
    html.open("meta", "name", "generator", "content", "Polyphony");
    html.element("title", title + " · Polyphony").own("style", style).close("head").open("body");
    html.open("header").element("p", "Polyphony · " + kind, "class", "kicker");
    html.element("h1", title).close("header");
    html.open("nav", "aria-label", "Contents").open("ul").append(contents).close("ul").close("nav");
    html.open("main").append(body).close("main");
    html.open("footer");
    html.element(
        "p",
        "This file needs no network. Its numbers and texts are those of the store; equal contents"
            + " of the store give this very file again.");
    html.open("details").element("summary", "Charts: D3 " + version + ", ISC licence");
    html.element("pre", licence).close("details").close("footer");
    html.own("script", d3).own("script", charts);
    html.close("body").close("html");
    return html.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static String source(String content) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(content.getBytes(StandardCharsets.UTF_8));
      return "'sha256-" + Base64.getEncoder().encodeToString(digest) + "'";
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  private static String version() {
    Properties properties = new Properties();
    try (InputStream stream = open("/" + D3_VERSION)) {
      properties.load(stream);
    } catch (IOException e) {
      throw unreadable(D3_VERSION, e);
    }
    return properties.getProperty("version");
  }

  private static String resource(String name) {
    try (InputStream stream = open(name)) {
      // A browser reads all line ends as this one before it checks a hash.
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8).replace("\r\n", "\n");
    } catch (IOException e) {
      throw unreadable(name, e);
    }
  }

  private static InputStream open(String name) throws IOException {
    InputStream stream = Page.class.getResourceAsStream(name);
    if (stream == null) {
      throw new IOException("it is not on the class path");
    }
    return stream;
  }

  private static PolyphonyException unreadable(String name, IOException cause) {
    return new PolyphonyException(
        ErrorClass.BUG, name + ", a part of every report, cannot be read: build it again", cause);
  }
}
