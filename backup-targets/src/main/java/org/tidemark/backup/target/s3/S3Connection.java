package org.tidemark.backup.target.s3;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Collection;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.client.config.ClientOverrideConfiguration;
import software.amazon.awssdk.http.apache.ApacheHttpClient;
import software.amazon.awssdk.profiles.ProfileFile;
import software.amazon.awssdk.profiles.ProfileFileSupplier;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.retries.DefaultRetryStrategy;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;

/** Makes the SDK's client from settings. */
final class S3Connection {
    private S3Connection() {}

    static S3Client open(S3Settings settings) throws TargetException {
        ApacheHttpClient.Builder http = ApacheHttpClient.builder()
                .maxConnections(settings.maxConnections())
                .connectionTimeout(settings.connectTimeout())
                .socketTimeout(settings.idleTimeout())
                .connectionAcquisitionTimeout(settings.idleTimeout())
                .tcpKeepAlive(true);
        if (settings.caCertificate().isPresent()) {
            TrustManager[] trusted = trust(settings.caCertificate().get());
            http.tlsTrustManagersProvider(() -> trusted);
        }
        boolean supported = settings.checksumMode() == S3Settings.ChecksumMode.WHEN_SUPPORTED;
        S3ClientBuilder builder = S3Client.builder()
                .httpClientBuilder(http)
                .region(Region.of(settings.region()))
                .forcePathStyle(settings.pathStyle())
                // Bodies are in memory and can be hashed before they are sent; Ceph refuses an empty one sent in
                // chunks.
                .serviceConfiguration(configuration -> configuration.chunkedEncodingEnabled(false))
                .credentialsProvider(credentials(settings.credentials()))
                .requestChecksumCalculation(
                        supported
                                ? RequestChecksumCalculation.WHEN_SUPPORTED
                                : RequestChecksumCalculation.WHEN_REQUIRED)
                .responseChecksumValidation(
                        supported
                                ? ResponseChecksumValidation.WHEN_SUPPORTED
                                : ResponseChecksumValidation.WHEN_REQUIRED);
        ClientOverrideConfiguration.Builder override = ClientOverrideConfiguration.builder()
                .retryStrategy(DefaultRetryStrategy.doNotRetry())
                .addExecutionInterceptor(Transmission.BEGIN);
        if (!(settings.credentials() instanceof S3Credentials.Environment)) {
            // Whatever the service's user has in ~/.aws must not change how a target behaves.
            ProfileFile none = ProfileFile.builder()
                    .content(new ByteArrayInputStream(new byte[0]))
                    .type(ProfileFile.Type.CONFIGURATION)
                    .build();
            override.defaultProfileFile(none);
        }
        settings.endpoint().ifPresent(builder::endpointOverride);
        return builder.overrideConfiguration(override.build()).build();
    }

    private static AwsCredentialsProvider credentials(S3Credentials source) {
        if (source instanceof S3Credentials.Given given) {
            AwsCredentials keys = given.sessionToken().isPresent()
                    ? AwsSessionCredentials.create(
                            given.accessKey(),
                            given.secretKey(),
                            given.sessionToken().get())
                    : AwsBasicCredentials.create(given.accessKey(), given.secretKey());
            return StaticCredentialsProvider.create(keys);
        }
        if (source instanceof S3Credentials.FromFile file) {
            return ProfileCredentialsProvider.builder()
                    .profileFile(ProfileFileSupplier.reloadWhenModified(file.file(), ProfileFile.Type.CREDENTIALS))
                    .profileName(file.profile())
                    .build();
        }
        return DefaultCredentialsProvider.builder().build();
    }

    /** Trust in these certificates and in no others. */
    private static TrustManager[] trust(String pem) throws TargetException {
        try {
            Collection<? extends Certificate> certificates = CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)));
            if (certificates.isEmpty()) {
                throw new GeneralSecurityException("there is none in it");
            }
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            int number = 0;
            for (Certificate certificate : certificates) {
                store.setCertificateEntry("ca-" + number++, certificate);
            }
            TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init(store);
            return factory.getTrustManagers();
        } catch (GeneralSecurityException | IOException e) {
            throw new TargetException(
                    Kind.DENIED,
                    "the CA certificate cannot be used: " + e.getMessage()
                            + ". Give it as PEM, beginning with -----BEGIN CERTIFICATE-----",
                    e);
        }
    }
}
