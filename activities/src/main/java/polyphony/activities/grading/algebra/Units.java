package polyphony.activities.grading.algebra;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** Names of units, as far as answers use them. */
final class Units {
  /** By every spelling in lower case: the one name of a unit that excludes other units. */
  private static final Map<String, String> NAMES = new HashMap<>();

  static {
    for (String spellings :
        new String[] {
          "mm millimeter millimeters millimetre millimetres",
          "cm centimeter centimeters centimetre centimetres",
          "dm",
          "m meter meters metre metres",
          "km kilometer kilometers kilometre kilometres",
          "in inch inches",
          "ft foot feet",
          "yd yard yards",
          "mi mile miles",
          "mg milligram milligrams",
          "g gram grams",
          "kg kilogram kilograms",
          "oz ounce ounces",
          "lb lbs pound pounds",
          "ml milliliter milliliters",
          "l liter liters litre litres",
          "s sec secs second seconds",
          "min mins minute minutes",
          "h hr hrs hour hours",
          "day days",
          "week weeks",
          "month months",
          "year years yr yrs",
          "cent cents",
          "dollar dollars usd bucks",
          "celsius centigrade",
          "fahrenheit",
          "mph",
          "kph kmh"
        }) {
      String[] names = spellings.split(" ", -1);
      for (String name : names) {
        NAMES.put(name, names[0]);
      }
    }
    for (String other :
        ("unit units sq square cubic cu euro euros eur rupees students people books apples pages"
                + " times hz rad radians sqft wpm each per")
            .split(" ", -1)) {
      NAMES.put(other, "");
    }
  }

  private Units() {}

  static boolean known(String word) {
    return NAMES.containsKey(word.toLowerCase(Locale.ROOT));
  }

  /** Whether two units are known to measure differently; what is not known excludes nothing. */
  static boolean exclude(String one, String other) {
    String first = canonical(one);
    String second = canonical(other);
    return !first.isEmpty() && !second.isEmpty() && !first.equals(second);
  }

  private static String canonical(String unit) {
    return NAMES.getOrDefault(unit.strip().toLowerCase(Locale.ROOT), "");
  }
}
