package io.oricode.client;

/** A request that was refused, or could not be delivered. */
public final class OricodeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient Problem problem;

    OricodeException(Problem problem) {
        super(problem.sentence() + " (" + problem.code() + ")");
        this.problem = problem;
    }

    /** What went wrong. */
    public Problem problem() {
        return problem;
    }
}
