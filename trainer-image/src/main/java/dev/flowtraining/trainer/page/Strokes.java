package dev.flowtraining.trainer.page;

import dev.flowtraining.trainer.page.Canvas.Point;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Letters made of lines, for pictures: a container with a bare Java runtime has no fonts, and Java none of its own. A
 * glyph is some polylines; a point is two digits, x to the right (0…4) and y down (0 top, 6 base, 8 descender).
 */
final class Strokes {
  private static final double GAP = 1.7;
  private static final double BLANK = 3;
  private static final int BASE = 6;
  private static final String[] GLYPHS = {
      "a 4246 4332120305163645", "b 0006 0312324345361605", "c 4332120305163645", "d 4046 4332120305163645",
      "e 04444332120305163645", "f 30201116 0232", "g 42473818 4332120305163645", "h 0006 0312324346", "i 0206 0000",
      "j 121708 1010", "k 0006 320436", "l 000516", "m 0206 03122326 23324346", "n 0206 0312324346",
      "o 123243453616050312", "p 0208 0312324345361605", "q 4248 4332120305163645", "r 0206 031232",
      "s 43321203143445361605", "t 10152636 0232", "u 0205163645 4246", "v 022642", "w 0216243642", "x 0246 4206",
      "y 0226 421708", "z 02420646", "B 000636454433 03334241300010", "F 400006 0333", "H 0006 4046 0343",
      "S 413010010213334445361605", "0 103041453616050110", "1 112026", "2 01103041420646", "3 0110304142334445361605 1333",
      "4 30044404 3036", "5 40000312324345361605", "6 413010010516364543321203", "7 004016",
      "8 13020110304142331304051636454433", "9 433414030110304145361605", ". 0606", ", 0608", "- 0444",
      "/ 4007", "% 4006 0010110100 3545463635", "( 20111526", ") 00111506", ": 0303 0606", "= 0343 0545", "+ 0444 2226",
      "_ 0747"};
  private static final Map<Character, List<List<Point>>> BY_LETTER = new HashMap<>();

  static {
    for (String glyph : GLYPHS) {
      List<List<Point>> lines = new ArrayList<>();
      for (String line : glyph.substring(2).split(" ")) {
        List<Point> points = new ArrayList<>();
        for (int i = 0; i < line.length(); i += 2) {
          points.add(new Point(line.charAt(i) - '0', line.charAt(i + 1) - '0' - BASE));
        }
        lines.add(points);
      }
      BY_LETTER.put(glyph.charAt(0), lines);
    }
  }

  private Strokes() {}

  /** Polylines of a text that begins at the origin; a letter that there is not leaves a blank. */
  static List<List<Point>> of(String text) {
    List<List<Point>> all = new ArrayList<>();
    double x = 0;
    for (char letter : text.toCharArray()) {
      for (List<Point> line : glyph(letter)) {
        double at = x;
        all.add(line.stream().map(p -> new Point(at + p.x(), p.y())).toList());
      }
      x += advance(letter);
    }
    return all;
  }

  static double width(String text) {
    return text.chars().mapToDouble(c -> advance((char) c)).sum() - (text.isEmpty() ? 0 : GAP);
  }

  private static double advance(char letter) {
    return glyph(letter).stream().flatMap(List::stream).mapToDouble(Point::x).max().orElse(BLANK - GAP) + GAP;
  }

  private static List<List<Point>> glyph(char letter) {
    return BY_LETTER.getOrDefault(letter, List.of());
  }
}
