/** Short names for the generated types; types.ts is made from the server's own schema (npm run types). */
import type { components } from "@/shared/api/types";

type Schemas = components["schemas"];

export type AccountPosition = Schemas["AccountPosition"];
export type AccountPositions = Schemas["AccountPositions"];
export type AccountSettings = Schemas["AccountSettings"];
export type AccountTrade = Schemas["AccountTrade"];
export type AccountView = Schemas["AccountView"];
export type BatchAccountRow = Schemas["BatchAccountRow"];
export type BatchAccountView = Schemas["BatchAccountView"];
export type BatchList = Schemas["BatchList"];
export type BatchPage = Schemas["BatchPage"];
export type BatchSummary = Schemas["BatchSummary"];
export type BatchTrades = Schemas["BatchTrades"];
export type CommandResult = Schemas["CommandResult"];
export type ExecutionCounts = Schemas["ExecutionCounts"];
export type ExecutionView = Schemas["ExecutionView"];
export type FileList = Schemas["FileList"];
export type FileView = Schemas["FileView"];
export type HistoryCheck = Schemas["HistoryCheck"];
export type LogicComparison = Schemas["LogicComparison"];
export type LogicEffect = Schemas["LogicEffect"];
export type LotPick = Schemas["LotPick"];
export type Me = Schemas["Me"];
export type OrderView = Schemas["OrderView"];
export type PickView = Schemas["PickView"];
export type PositionView = Schemas["PositionView"];
export type ProposeBody = Schemas["ProposeBody"];
export type Proposal = Schemas["Proposal"];
export type Pushed = Schemas["Pushed"];
export type QueuePage = Schemas["QueuePage"];
export type QueueRow = Schemas["QueueRow"];
export type RemovalBody = Schemas["RemovalBody"];
export type RestBody = Schemas["RestBody"];
export type RunView = Schemas["RunView"];
export type SecurityAccounts = Schemas["SecurityAccounts"];
export type SecurityFigures = Schemas["SecurityFigures"];
export type SecurityTrades = Schemas["SecurityTrades"];
export type SliceView = Schemas["SliceView"];
export type TileCounts = Schemas["TileCounts"];
export type Totals = Schemas["Totals"];
export type TradedValue = Schemas["TradedValue"];
export type TradeView = Schemas["TradeView"];
export type UndoBody = Schemas["UndoBody"];
export type TransferView = Schemas["TransferView"];

export type Logic = BatchSummary["logic"];
export type Tile = QueueRow["tiles"][number];
/** What a list of accounts can be narrowed to with one press. */
export type TileChoice = NonNullable<Schemas["ByFilter"]["tiles"]>[number];
