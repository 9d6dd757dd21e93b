package org.tidemark.backup.repository.verify;

import java.util.List;

/**
 * What a deep verification saw.
 *
 * @param chunksRead chunks that were read and compared; pages shared with a point verified before are not read again
 * @param damages the first ones, at most {@link DeepVerify#MAX_DAMAGES}
 * @param damageCount all of them
 */
public record VerifyReport(int points, long chunksRead, List<Damage> damages, long damageCount) {
    public boolean clean() {
        return damageCount == 0;
    }
}
