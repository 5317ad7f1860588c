/** One of Azure's clouds, as far as it is spoken to. */
export interface Cloud {
  /** Azure Resource Manager. */
  readonly managementUrl: string;
  /** What an Entra token is asked for that calls an endpoint. */
  readonly scoringScope: string;
}

export const PUBLIC: Cloud = {
  managementUrl: 'https://management.azure.com',
  scoringScope: 'https://ml.azure.com/.default',
};

/** By where their Entra signs in. */
const OTHERS: Readonly<Record<string, Cloud>> = {
  'login.microsoftonline.us': {
    managementUrl: 'https://management.usgovcloudapi.net',
    scoringScope: 'https://ml.azure.us/.default',
  },
  'login.chinacloudapi.cn': {
    managementUrl: 'https://management.chinacloudapi.cn',
    scoringScope: 'https://ml.azure.cn/.default',
  },
};

/**
 * The cloud that credentials from the environment are for.
 *
 * @param authority - `AZURE_AUTHORITY_HOST`, which Azure's SDKs sign in at; the public cloud's by default.
 */
export function cloudOf(authority: string | undefined): Cloud {
  if (authority === undefined || !URL.canParse(authority)) return PUBLIC;
  return OTHERS[new URL(authority).hostname] ?? PUBLIC;
}
