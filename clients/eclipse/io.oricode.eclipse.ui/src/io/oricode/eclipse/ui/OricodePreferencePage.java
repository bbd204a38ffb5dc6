package io.oricode.eclipse.ui;

import io.oricode.eclipse.core.Keyring;
import io.oricode.eclipse.core.ServiceSettings;
import org.eclipse.core.runtime.preferences.InstanceScope;
import org.eclipse.jface.preference.FieldEditorPreferencePage;
import org.eclipse.jface.preference.StringFieldEditor;
import org.eclipse.swt.SWT;
import org.eclipse.swt.layout.GridData;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.Text;
import org.eclipse.ui.IWorkbench;
import org.eclipse.ui.IWorkbenchPreferencePage;
import org.eclipse.ui.preferences.ScopedPreferenceStore;

/** Where the service is, which model to ask, and the key, which goes into the secure storage alone. */
public final class OricodePreferencePage extends FieldEditorPreferencePage implements IWorkbenchPreferencePage {
    static final String ID = "io.oricode.eclipse.ui.preferences";

    private final Keyring keyring = new Keyring();
    private Text key;
    private String storedKey = "";

    public OricodePreferencePage() {
        super(GRID);
        setDescription("The Oricode service that chats are held with.");
    }

    @Override
    public void init(IWorkbench workbench) {
        ScopedPreferenceStore store = new ScopedPreferenceStore(InstanceScope.INSTANCE, ServiceSettings.NODE);
        store.setDefault(ServiceSettings.URL, ServiceSettings.DEFAULT_URL);
        setPreferenceStore(store);
    }

    @Override
    protected void createFieldEditors() {
        Composite parent = getFieldEditorParent();
        StringFieldEditor url = new StringFieldEditor(ServiceSettings.URL, "Service &address:", parent);
        url.setEmptyStringAllowed(false);
        addField(url);
        StringFieldEditor model = new StringFieldEditor(ServiceSettings.MODEL, "&Model:", parent);
        model.getTextControl(parent).setMessage("the service's default");
        addField(model);
        new Label(parent, SWT.NONE).setText("API &key:");
        key = new Text(parent, SWT.SINGLE | SWT.BORDER | SWT.PASSWORD);
        key.setData(Keys.WIDGET, "key");
        GridData wide = new GridData(SWT.FILL, SWT.CENTER, true, false);
        wide.widthHint = 200; // else a long key makes the dialog wide
        key.setLayoutData(wide);
        try {
            storedKey = keyring.read();
        } catch (IllegalStateException closed) {
            setErrorMessage(closed.getMessage());
        }
        key.setText(storedKey);
    }

    @Override
    public boolean performOk() {
        String entered = key.getText().strip();
        if (!entered.equals(storedKey)) {
            try {
                keyring.write(entered);
                storedKey = entered;
            } catch (IllegalStateException closed) {
                setErrorMessage(closed.getMessage());
                return false;
            }
        }
        return super.performOk();
    }
}
