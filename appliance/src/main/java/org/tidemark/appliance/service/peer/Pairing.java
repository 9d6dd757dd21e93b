package org.tidemark.appliance.service.peer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.Names;
import org.tidemark.appliance.persistence.PeerEntry;
import org.tidemark.appliance.persistence.Peers;

/** Makes two appliances known to each other, once. Safe for many threads. */
@Singleton
public final class Pairing {
    static final String OPERATION = "pair";

    private static final Logger LOG = Logger.getLogger(Pairing.class);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String PREFIX = "tidemark-peer-1.";
    private static final Duration GOOD_FOR = Duration.ofMinutes(15);
    private static final int SECRET_BYTES = 32;

    private final Peers peers;
    private final PeerLink link;
    private final SecureRandom random = new SecureRandom();
    private volatile @Nullable String address;

    @Inject
    public Pairing(Peers peers, PeerLink link) {
        this.peers = peers;
        this.link = link;
    }

    /** Where this appliance waits for others, as they reach it. */
    void reachedAt(String where) {
        address = where;
    }

    /** What is shown once. */
    public record Invitation(String text, Instant expiresAt) {}

    /** An invitation that one other appliance may use, once. */
    public Invitation invite() throws IOException {
        String where = address;
        if (where == null) {
            throw ApplianceException.conflict("this appliance does not wait for others. Start it with"
                    + " TIDEMARK_PEER_LISTEN=HOST:PORT, for instance 0.0.0.0:8788, and invite again");
        }
        byte[] secret = new byte[SECRET_BYTES];
        random.nextBytes(secret);
        String words = HexFormat.of().formatHex(secret);
        Instant now = Instant.now();
        Instant end = now.plus(GOOD_FOR);
        peers.invite(hash(words), end, now);
        Map<String, Object> content = new LinkedHashMap<>();
        content.put("address", where);
        content.put("fingerprint", link.key().fingerprint());
        content.put("secret", words);
        String text = PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(JSON.writeValueAsBytes(content));
        return new Invitation(text, end);
    }

    private static String hash(String secret) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(secret.getBytes(StandardCharsets.US_ASCII)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Uses an invitation of another appliance.
     *
     * @param name what that one is called here
     * @param as what this one is called there; null for the name of this host
     */
    public PeerEntry join(String name, String invitation, @Nullable String as) throws IOException {
        JsonNode content = content(invitation.strip());
        String where = content.path("address").asText();
        String fingerprint = content.path("fingerprint").asText();
        if (fingerprint.equals(link.key().fingerprint())) {
            throw ApplianceException.usage("that is an invitation of this appliance itself; use it on the other one");
        }
        PeerEntry entry = new PeerEntry(name, fingerprint, where, Instant.now());
        Names.check(name);
        Optional<PeerEntry> known = peers.byFingerprint(fingerprint);
        if (known.isPresent() && !known.get().name().equals(name)) {
            throw ApplianceException.conflict(
                    "that appliance is peer '" + known.get().name() + "' already");
        }
        try (PeerChannel channel = link.connect(name, where, fingerprint)) {
            Map<String, Object> request = new LinkedHashMap<>();
            request.put("secret", content.path("secret").asText());
            request.put("name", as == null ? hostName() : as);
            String here = address;
            if (here != null) {
                request.put("address", here);
            }
            channel.ask(OPERATION, request);
        }
        if (known.isPresent()) {
            peers.moved(name, where);
        } else {
            peers.add(entry);
        }
        return peers.get(name);
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName().replaceAll("[^A-Za-z0-9._-]", "-");
        } catch (UnknownHostException e) {
            return "appliance";
        }
    }

    private static JsonNode content(String invitation) throws ApplianceException {
        if (invitation.startsWith(PREFIX)) {
            try {
                JsonNode content = JSON.readTree(new String(
                        Base64.getUrlDecoder().decode(invitation.substring(PREFIX.length())), StandardCharsets.UTF_8));
                boolean whole = content.path("fingerprint").asText().matches("[0-9a-f]{64}")
                        && content.path("address").asText().matches(".+:[0-9]{1,5}")
                        && !content.path("secret").asText().isEmpty();
                if (whole) {
                    return content;
                }
            } catch (IllegalArgumentException | JsonProcessingException e) {
                LOG.debug("an invitation cannot be read", e);
            }
        }
        throw ApplianceException.usage(
                "that is no invitation, or not all of it; it begins with '" + PREFIX + "' and is one line");
    }

    /** Somebody came with this certificate and, perhaps, a secret. */
    Map<String, Object> accept(String fingerprint, Map<String, Object> request) throws IOException {
        if (!peers.useInvitation(hash(String.valueOf(request.get("secret"))), Instant.now())) {
            throw new ApplianceException(
                    FailureKind.NOT_PERMITTED,
                    "the invitation was used already, or is older than " + GOOD_FOR.toMinutes()
                            + " minutes; make another one with 'tidemark peer invite'");
        }
        Object where = request.get("address");
        Optional<PeerEntry> known = peers.byFingerprint(fingerprint);
        String name;
        if (known.isPresent()) {
            name = known.get().name();
            if (where != null) {
                peers.moved(name, where.toString());
            }
        } else {
            name = free(String.valueOf(request.get("name")));
            peers.add(new PeerEntry(name, fingerprint, where == null ? null : where.toString(), Instant.now()));
        }
        LOG.infof("paired with %s", name);
        return Map.of("name", name);
    }

    /** Two hosts may have one name. */
    private String free(String wanted) throws IOException {
        String base = wanted.length() > 100 ? wanted.substring(0, 100) : wanted;
        Names.check(base);
        String name = base;
        for (int i = 2; ; i++) {
            String tried = name;
            if (peers.all().stream().noneMatch(peer -> peer.name().equals(tried))) {
                return name;
            }
            name = base + "-" + i;
        }
    }
}
