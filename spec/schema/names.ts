import { plainText } from './texts.js';

/** Endpoint and deployment names, as Azure ML takes them. */
export const resourceName = () =>
  plainText(
    /^(?=.{3,32}$)[a-zA-Z](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/,
    {
      code: 'name',
      expected: 'a name of 3 to 32 letters, digits and dashes',
      help: 'a letter first, no dash last: the rule of Azure ML, which the other targets keep too',
    },
  );

export const workspaceName = () =>
  plainText(
    /^[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}$/,
    {
      code: 'name',
      expected: 'a name of 3 to 33 letters, digits, dashes and underscores',
      help: 'a letter or digit first: the rule of Azure ML for workspaces',
    },
  );

export const subscriptionId = () =>
  plainText(
    /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/,
    {
      code: 'subscription',
      expected: 'a subscription id such as 00000000-0000-0000-0000-000000000000',
      help: '"az account show --query id" prints it',
    },
  );

export const resourceGroupName = () =>
  plainText(
    /^[-\w.()]{0,89}[-\w()]$/,
    {
      code: 'name',
      expected: 'a name of 1 to 90 letters, digits, dashes, underscores, dots and brackets',
      help: 'no dot last: the rule of Azure for resource groups',
    },
  );

const GATE_NAME = /^[a-zA-Z][-a-zA-Z0-9_]{0,39}$/;

/** A gate's name, which steps refer to. */
export const gateName = () =>
  plainText(
    GATE_NAME,
    {
      code: 'name',
      expected: 'a name of at most 40 letters, digits, dashes and underscores',
      help: 'a letter first; write errors',
    },
  );

/** A person, as `--by` names them: a user name, an address, a name with spaces. */
export const personName = () =>
  plainText(
    /^(?! )[^\u0000-\u001f\u007f]{0,99}[^\u0000-\u0020\u007f]$/,
    {
      code: 'person',
      expected: 'the name of a person',
      help: 'as `--by` gives it, by default the user name on their machine; at most 100 characters, no space at either end',
    },
  );

/** A name as Kubernetes takes it for namespaces. */
export const namespaceName = () =>
  plainText(
    /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/,
    {
      code: 'name',
      expected: 'a name of 1 to 63 small letters, digits and dashes',
      help: 'no dash first or last: the rule of Kubernetes for namespaces',
    },
  );

/** A context of a kubeconfig. */
export const contextName = () =>
  plainText(
    /^[^\s/]{1,253}$/,
    {
      code: 'name',
      expected: 'a context of the kubeconfig, without spaces and slashes',
      help: '"kubectl config get-contexts -o name" lists them; "kubectl config rename-context" gives one a shorter name',
    },
  );

/** A file or folder, relative to the file that names it. */
export const filePath = () =>
  plainText(
    /^[^\u0000]{1,1024}$/,
    {
      code: 'path',
      expected: 'the path of a file',
      help: 'relative to the file that names it; write ./green-deployment.yml',
    },
  );
