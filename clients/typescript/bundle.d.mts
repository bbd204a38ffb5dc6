export declare function bundle(): Promise<string>;
