package org.tidemark.appliance.cli;

import java.io.Closeable;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * What happens on ^C and on SIGTERM while a job is awaited: the first asks the job to end, the second leaves it. A shutdown hook
 * could not do that: it hears of one signal only. The JDK's signals are reached by name, so that a JVM without them still runs
 * everything else.
 */
final class Interrupts implements Closeable {
    private static final List<String> SIGNALS = List.of("INT", "TERM");
    /** What shells give for ^C. */
    private static final int INTERRUPTED = 130;

    private final Runnable first;
    private final AtomicInteger heard = new AtomicInteger();
    private final List<Restore> restores = new java.util.ArrayList<>();

    /** Puts back what was there before. */
    private record Restore(
            Method handle, Object signal, @Nullable Object before) {}

    Interrupts(Runnable first) {
        this.first = first;
        try {
            Class<?> signalClass = Class.forName("sun.misc.Signal");
            Class<?> handlerClass = Class.forName("sun.misc.SignalHandler");
            Method handle = signalClass.getMethod("handle", signalClass, handlerClass);
            Object handler =
                    Proxy.newProxyInstance(Interrupts.class.getClassLoader(), new Class<?>[] {handlerClass}, handler());
            for (String name : SIGNALS) {
                Object signal = signalClass.getConstructor(String.class).newInstance(name);
                restores.add(new Restore(handle, signal, handle.invoke(null, signal, handler)));
            }
        } catch (ReflectiveOperationException e) {
            System.err.println("note: ^C leaves the job running on this Java; 'tidemark job cancel' ends it");
        }
    }

    private InvocationHandler handler() {
        return (proxy, method, arguments) -> {
            switch (method.getName()) {
                case "handle" -> onSignal();
                case "hashCode" -> {
                    return System.identityHashCode(proxy);
                }
                case "equals" -> {
                    return arguments != null && arguments.length > 0 && proxy == arguments[0];
                }
                case "toString" -> {
                    return "interrupts";
                }
                default -> throw new UnsupportedOperationException(method.getName());
            }
            return null;
        };
    }

    /** Runs in a thread of the JVM's own. */
    private void onSignal() {
        if (heard.incrementAndGet() == 1) {
            first.run();
        } else {
            System.err.println();
            System.err.println("tidemark: left; the job goes on to its end in the appliance");
            Runtime.getRuntime().halt(INTERRUPTED);
        }
    }

    @Override
    public void close() {
        for (Restore one : restores) {
            try {
                one.handle().invoke(null, one.signal(), one.before());
            } catch (IllegalAccessException | InvocationTargetException e) {
                System.err.println("note: ^C is not as it was: " + e.getMessage());
            }
        }
        restores.clear();
    }
}
