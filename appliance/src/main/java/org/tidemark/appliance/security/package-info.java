/**
 * Who may do what: users with passwords, sessions, tokens, the first start, and the secrets of the catalogue.
 *
 * <p>A request names its caller by a token ({@code Authorization: Bearer tdm_...}) or by the cookie of a session; {@link
 * org.tidemark.appliance.security.Authentication} looks both up, {@link org.tidemark.appliance.security.Credentials} answers with
 * a {@link org.tidemark.appliance.security.Caller} whose roles are the scopes. What is not listed as public in {@link
 * org.tidemark.appliance.security.PublicPaths} needs a caller, and each method of the interface says which scope.
 *
 * <p>Random secrets (tokens, sessions, the set-up code) have 256 bits and are stored as SHA-256; passwords are stored as Argon2id.
 */
@NullMarked
package org.tidemark.appliance.security;

import org.jspecify.annotations.NullMarked;
