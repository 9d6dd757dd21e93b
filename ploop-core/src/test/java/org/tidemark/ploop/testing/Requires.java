package org.tidemark.ploop.testing;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * What a test needs from the machine. A thing that is missing skips the test and says so, unless it is named in
 * {@code -Drequire=a,b,c} (or {@code -Drequire=all}): then the test fails, so that nothing is left out silently.
 *
 * <p>Known words: {@code root}, {@code fuse}, {@code loop}; anything else is a program looked up on the path.
 */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(RequiresCondition.class)
public @interface Requires {
    String[] value();
}
