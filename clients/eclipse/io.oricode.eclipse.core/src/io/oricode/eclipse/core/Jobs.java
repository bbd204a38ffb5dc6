package io.oricode.eclipse.core;

import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.IStatus;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.jobs.Job;

/** Background work as Eclipse jobs: shown in the Progress view, where they can be cancelled. */
public final class Jobs implements Background {
    /** The job family, for whoever wants to find or join them. */
    public static final Object FAMILY = Jobs.class;

    @Override
    public void start(String name, Task task) {
        Job job = new TaskJob(name, task);
        job.setUser(false);
        job.schedule();
    }

    private static final class TaskJob extends Job {
        private final Task task;

        TaskJob(String name, Task task) {
            super(name);
            this.task = task;
        }

        @Override
        public boolean belongsTo(Object family) {
            return family == FAMILY;
        }

        @Override
        protected void canceling() {
            task.cancel();
        }

        @Override
        protected IStatus run(IProgressMonitor monitor) {
            monitor.beginTask(getName(), 100);
            int[] worked = {0};
            try {
                task.run((message, percent) -> {
                    monitor.subTask(message);
                    if (percent > worked[0]) {
                        monitor.worked(percent - worked[0]);
                        worked[0] = percent;
                    }
                });
            } catch (InterruptedException stopped) {
                return Status.CANCEL_STATUS;
            } finally {
                monitor.done();
            }
            return monitor.isCanceled() ? Status.CANCEL_STATUS : Status.OK_STATUS;
        }
    }
}
