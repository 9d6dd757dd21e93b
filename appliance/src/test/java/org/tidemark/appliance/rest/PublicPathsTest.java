package org.tidemark.appliance.rest;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class PublicPathsTest {
    @Test
    void onlyTheseAreForAnybody() {
        assertThat(PublicPaths.isPublic("POST", "/api/v1/session")).isTrue();
        assertThat(PublicPaths.isPublic("GET", "/api/v1/setup")).isTrue();
        assertThat(PublicPaths.isPublic("GET", "/q/health/live")).isTrue();
        assertThat(PublicPaths.isPublic("GET", "/index.html")).isTrue();
        assertThat(PublicPaths.isPublic("GET", "/api/v1/session")).isFalse();
        assertThat(PublicPaths.isPublic("DELETE", "/api/v1/session")).isFalse();
        assertThat(PublicPaths.isPublic("POST", "/api/v1/session/password")).isFalse();
        assertThat(PublicPaths.isPublic("GET", "/q/health")).isFalse();
        assertThat(PublicPaths.isPublic("GET", "/api")).isFalse();
        assertThat(PublicPaths.isPublic("GET", "/q/metrics")).isFalse();
        assertThat(PublicPaths.isPublic("GET", "/api;x=1/v1/users")).isFalse();
        assertThat(PublicPaths.isPublic("GET", "/q;x/metrics")).isFalse();
    }

    @Test
    void viewsHaveNoEnding() {
        assertThat(PublicPaths.isView("/")).isTrue();
        assertThat(PublicPaths.isView("/setup")).isTrue();
        assertThat(PublicPaths.isView("/containers/web.1/points")).isTrue();
        assertThat(PublicPaths.isView("/assets/main.js")).isFalse();
        assertThat(PublicPaths.isView("/api/v1/setup")).isFalse();
        assertThat(PublicPaths.isView("/q")).isFalse();
        assertThat(PublicPaths.isView("/quick")).isTrue();
    }
}
