package org.tidemark.appliance.rest.v1;

import jakarta.validation.constraints.NotEmpty;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/**
 * A folder.
 *
 * @param path absolute
 */
@Schema(name = "LocalSettings")
public record LocalSettings(@NotEmpty String path) {}
