# The Java client: plain Maven, Java 17. The jar is an OSGi bundle too.
JAVA_CLIENT := clients/java
MAVEN := mvn -B -ntp -f $(JAVA_CLIENT)/pom.xml

.PHONY: java-types java-types-check java-test java-jar

java-types: ## write the Java types from protocol/schema.json
	python3 $(JAVA_CLIENT)/generate.py

java-types-check:
	python3 $(JAVA_CLIENT)/generate.py --check

java-test: $(SETUP) java-types-check ## Java client: types fresh, build, JUnit (also against the real service), jar
	@command -v mvn >/dev/null || { echo "java-test needs Maven and a JDK of 17 or newer" >&2; exit 1; }
	$(MAVEN) verify -Doricode.command=$(CURDIR)/.venv/bin/oricode

java-jar:
	$(MAVEN) -q -DskipTests package
