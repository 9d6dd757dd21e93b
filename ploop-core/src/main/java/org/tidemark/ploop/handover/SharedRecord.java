package org.tidemark.ploop.handover;

import java.io.IOException;
import java.util.List;

/**
 * One record for several images that move together. The first store decides, the others repeat it, so that none of their images can be
 * used for writing by itself: towards "here" it is written first, and last towards anything else.
 */
public final class SharedRecord implements HandOverStore {
    private final HandOverStore first;
    private final List<HandOverStore> others;

    public SharedRecord(List<? extends HandOverStore> stores) {
        this.first = stores.get(0);
        this.others = List.copyOf(stores.subList(1, stores.size()));
    }

    @Override
    public HandOverRecord read() throws IOException {
        return first.read();
    }

    @Override
    public void write(HandOverRecord next) throws IOException {
        boolean here = next.state() == HandOverRecord.State.OWNER;
        if (here) {
            first.write(next);
        }
        for (HandOverStore other : others) {
            other.write(next);
        }
        if (!here) {
            first.write(next);
        }
    }
}
