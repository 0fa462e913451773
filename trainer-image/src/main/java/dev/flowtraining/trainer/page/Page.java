package dev.flowtraining.trainer.page;

import java.util.Map;

/** One self-contained HTML file in the project's look: light, no scripts, readable on a phone. */
public final class Page {
  private static final String STYLE = """
      :root { color-scheme: light }
      body { font: 16px/1.5 system-ui, sans-serif; color: #1c2530; background: #fff; max-width: 46rem; margin: 0 auto; padding: 1rem }
      h1 { font-size: 1.4rem; margin: .5rem 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
      .muted, figcaption { color: #5b6775; font-size: .9rem }
      .figures { display: flex; flex-wrap: wrap; gap: .75rem } .figures div { flex: 1 1 8rem; background: #f3f5f8; border-radius: .5rem; padding: .6rem .8rem }
      .figures b { display: block; font-size: 1.2rem }
      figure { margin: 1rem 0 } img, svg { width: 100%; height: auto; display: block } audio { width: 100%; height: 2.2rem }
      svg text { font: 12px system-ui, sans-serif; fill: #5b6775 } .grid { stroke: #e3e7ec }
      .scroll { overflow-x: auto } table { border-collapse: collapse; font-size: .9rem; width: 100% }
      td, th { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #e3e7ec; vertical-align: top }
      code, pre { font: .8rem/1.45 ui-monospace, monospace; overflow-wrap: anywhere } pre { background: #f3f5f8; border-radius: .5rem; padding: .8rem; overflow-x: auto }
      """;

  private final StringBuilder html = new StringBuilder();

  /**
   * @param heading what the page is about
   * @param subject what kind of page it is, for the browser's title
   * @param style rules for what only this page has
   */
  public Page(String heading, String subject, String style) {
    html.append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>" + escape(heading) + ": "
        + escape(subject) + "</title>\n<style>\n" + STYLE + style + "</style></head><body>\n<h1>" + escape(heading)
        + "</h1>\n");
  }

  /** HTML as it is. */
  public Page raw(String markup) {
    html.append(markup);
    return this;
  }

  /** Text, escaped. */
  public Page text(String text) {
    html.append(escape(text));
    return this;
  }

  public Page heading(String text) {
    html.append("<h2>").append(escape(text)).append("</h2>\n");
    return this;
  }

  /** The few numbers to see first, each with its name. */
  public Page figures(Map<String, String> figures) {
    html.append("<div class=\"figures\">");
    figures.forEach((name, value) -> html.append("<div><b>").append(escape(value)).append("</b><span class=\"muted\">")
        .append(escape(name)).append("</span></div>"));
    html.append("</div>\n");
    return this;
  }

  public String finish() {
    return html.append("</body></html>\n").toString();
  }

  public static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;");
  }
}
