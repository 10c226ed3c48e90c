package polyphony.activities.curves;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import polyphony.storage.PolyphonyException;

/**
 * An MLflow tracking server, by its REST API 2.0. MLflow's Java client is a major version behind
 * its servers, brings private copies of half a dozen libraries, and waits without limit.
 */
public final class MlflowServer {
  private static final Duration CONNECT = Duration.ofSeconds(5);
  private static final Duration ANSWER = Duration.ofSeconds(30);
  private static final JsonMapper JSON = new JsonMapper();

  private final String address;
  private final String host;
  private final Optional<String> authorization;
  private final HttpClient client;

  /**
   * @param address such as {@code http://localhost:5000}
   * @param environment with {@code MLFLOW_TRACKING_TOKEN}, or {@code _USERNAME} and {@code
   *     _PASSWORD}, where the server wants them
   * @throws PolyphonyException CONFIG where it is no address
   */
  public MlflowServer(String address, Map<String, String> environment) {
    URI uri = checked(address);
    this.address = address.replaceFirst("/+$", "");
    this.host = uri.getHost();
    this.authorization = authorization(environment);
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT)
            .build();
  }

  private static URI checked(String address) {
    try {
      URI uri = new URI(address);
      if (("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))
          && uri.getHost() != null
          && uri.getPort() <= 0xffff
          && uri.getRawUserInfo() == null
          && uri.getRawQuery() == null
          && uri.getRawFragment() == null) {
        return uri;
      }
    } catch (URISyntaxException e) {
      // Falls through to the one message.
    }
    // Not shown: it may hold a password.
    throw PolyphonyException.config(
        "the MLflow server's address must be like http://localhost:5000; a user name and a password"
            + " have variables of their own, MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD");
  }

  private static Optional<String> authorization(Map<String, String> environment) {
    String token = environment.getOrDefault("MLFLOW_TRACKING_TOKEN", "");
    String user = environment.getOrDefault("MLFLOW_TRACKING_USERNAME", "");
    String password = environment.getOrDefault("MLFLOW_TRACKING_PASSWORD", "");
    if (!user.isEmpty()) {
      byte[] both = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
      return Optional.of("Basic " + Base64.getEncoder().encodeToString(both));
    }
    return token.isEmpty() ? Optional.empty() : Optional.of("Bearer " + token);
  }

  ObjectNode object() {
    return JSON.createObjectNode();
  }

  /**
   * Asks for something.
   *
   * @param path such as {@code experiments/get-by-name}
   * @return what the server has; missing where it has no such thing
   */
  JsonNode get(String path, Map<String, String> parameters) {
    StringBuilder query = new StringBuilder();
    parameters.forEach(
        (name, value) ->
            query
                .append(query.isEmpty() ? '?' : '&')
                .append(name)
                .append('=')
                .append(URLEncoder.encode(value, StandardCharsets.UTF_8)));
    return answer(path, request(path + query).GET().build());
  }

  /** Has something done. */
  JsonNode post(String path, ObjectNode body) {
    JsonNode answer =
        answer(
            path,
            request(path)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body.toString()))
                .build());
    if (answer.isMissingNode()) {
      throw PolyphonyException.config(
          this + " has no " + path + ": is it an MLflow tracking server?");
    }
    return answer;
  }

  private HttpRequest.Builder request(String path) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(address + "/api/2.0/mlflow/" + path)).timeout(ANSWER);
    authorization.ifPresent(each -> request.header("Authorization", each));
    return request;
  }

  private JsonNode answer(String path, HttpRequest request) {
    HttpResponse<String> response;
    try {
      response = client.send(request, HttpResponse.BodyHandlers.ofString());
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          this + " does not answer (" + e.getClass().getSimpleName() + "); check that it runs", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw PolyphonyException.infrastructure("interrupted while waiting for " + this, e);
    }
    JsonNode answer = parsed(response.body());
    if (response.statusCode() == 200 && answer.isObject()) {
      return answer;
    }
    String code = answer.path("error_code").asText();
    if (response.statusCode() == 404 && code.equals("RESOURCE_DOES_NOT_EXIST")) {
      return MissingNode.getInstance();
    }
    String reason =
        this
            + " answered "
            + path
            + " with "
            + response.statusCode()
            + (code.isEmpty() ? "" : " (" + code + ": " + answer.path("message").asText() + ")");
    if (response.statusCode() / 100 == 5 || response.statusCode() == 429) {
      throw PolyphonyException.infrastructure(reason, null);
    }
    throw PolyphonyException.config(
        reason
            + (response.statusCode() == 401 || response.statusCode() == 403
                ? "; set MLFLOW_TRACKING_USERNAME and _PASSWORD, or MLFLOW_TRACKING_TOKEN"
                : code.isEmpty() ? ": is it an MLflow tracking server?" : ""));
  }

  private static JsonNode parsed(String body) {
    try {
      JsonNode node = JSON.readTree(body);
      return node == null ? MissingNode.getInstance() : node;
    } catch (JsonProcessingException e) {
      // Some page; its status says enough.
      return MissingNode.getInstance();
    }
  }

  /** Its host alone. */
  @Override
  public String toString() {
    return "the MLflow server at " + host;
  }
}
