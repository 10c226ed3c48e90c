package polyphony.activities.notify;

import java.net.URI;
import java.net.URISyntaxException;
import polyphony.storage.PolyphonyException;

/**
 * Where notices are sent. Whoever knows such an address may send, so that only its host is shown.
 *
 * @param address http or https
 */
public record Webhook(URI address) {
  /**
   * @param setting what it was given as, for the message
   * @throws PolyphonyException CONFIG where it is no address that can be sent to; the message does
   *     not show it
   */
  public static Webhook of(String address, String setting) {
    try {
      URI uri = new URI(address);
      if (("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))
          && uri.getHost() != null
          && uri.getPort() <= 0xffff
          && uri.getRawUserInfo() == null
          && uri.getRawFragment() == null) {
        return new Webhook(uri);
      }
    } catch (URISyntaxException e) {
      // Falls through to the one message: this one would show the address.
    }
    throw PolyphonyException.config(
        setting
            + " must be an address like https://host/path, without user name, password and #; it is"
            + " not shown here, since it may hold a secret");
  }

  /** The host alone. */
  @Override
  public String toString() {
    return "the webhook at " + address.getHost();
  }
}
