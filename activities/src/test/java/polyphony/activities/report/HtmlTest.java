package polyphony.activities.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class HtmlTest {
  @Test
  void textIsNeverMarkup() {
    assertThat(new Html().element("p", "<script>alert('1')</script> & \"x\"").toString())
        .isEqualTo("<p>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;</p>\n");
    assertThat(new Html().open("p", "title", "\"><img src=x onerror=alert(1)>").toString())
        .isEqualTo("<p title=\"&quot;&gt;&lt;img src=x onerror=alert(1)&gt;\">");
  }

  @Test
  void whatNoDocumentMayHoldIsReplaced() {
    assertThat(new Html().text("a\u0000b\u001b[31m\r\nc\u0085\ud800d 😀\t").toString())
        .isEqualTo("a\ufffdb\ufffd[31m\ufffd\nc\ufffd\ufffdd 😀\t");
  }

  @Test
  void aScriptCannotEndEarly() {
    assertThatThrownBy(() -> new Html().own("script", "\"</SCRIPT><b>\""))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(new Html().own("style", "a>b{}").toString()).isEqualTo("<style>a>b{}</style>\n");
  }

  @Test
  void aTableNamesItsRowsAndShowsHashesWhole() {
    String hash = "0123456789abcdef".repeat(4);
    assertThat(
            new Html()
                .table(
                    "table-1",
                    "<What>",
                    List.of("name", "count", "hash"),
                    List.of(
                        List.of(
                            Html.Cell.text("a<b"), Html.Cell.number("3"), Html.Cell.hash(hash))))
                .toString())
        .contains(
            "&lt;What&gt;",
            "<th scope=\"row\">a&lt;b</th>",
            "<td class=\"number\">3</td>",
            ">" + hash + "</code>")
        .containsOnlyOnce(hash);
  }
}
