#Requires -Version 7.6

<#
.SYNOPSIS
Builds the module's help from docs/cmdlets/*.md and the compiled cmdlets.

.DESCRIPTION
People write synopsis, description, examples and the text of each parameter in Markdown. What the cmdlets themselves
know, that is syntax, types, positions and pipeline input, is filled in from them: into the Markdown, and together with
the text into en-US/WirePS.Module.dll-Help.xml. docs/errors.md is written from the catalogue of errors in the code. The
same input gives the same bytes.

.PARAMETER Module
The built module: the folder with WirePS.psd1.

.PARAMETER Check
Writes nothing; fails where something that is committed differs from what would be written.
#>
[CmdletBinding()]
param(
    [string] $Module = (Join-Path $PSScriptRoot '../out/module/WirePS'),
    [switch] $Check
)

Set-StrictMode -Version 3
$ErrorActionPreference = 'Stop'

$root = Split-Path $PSScriptRoot
$isCheck = [bool] $Check
$common = [System.Management.Automation.PSCmdlet]::CommonParameters
$own = 'WhatIf', 'Confirm'
Import-Module (Join-Path $Module 'WirePS.psd1') -Force -Verbose:$false

function Read-Page([string] $Path) {
    # Headings of second level are the parts, of third level the examples and parameters.
    $page = @{ Examples = [System.Collections.Generic.List[hashtable]]::new(); Parameters = [ordered]@{}; Path = $Path }
    $part = $null; $item = $null
    $text = @{}
    $isCode = $false
    foreach ($line in [System.IO.File]::ReadAllLines($Path)) {
        if ($line.StartsWith('```')) { $isCode = -not $isCode }
        if (-not $isCode -and $line.StartsWith('## ')) { $part = $line.Substring(3); $item = $null; $text[$part] = [System.Collections.Generic.List[string]]::new(); continue }
        if (-not $isCode -and $line.StartsWith('### ')) {
            $item = @{ Title = $line.Substring(4); Lines = [System.Collections.Generic.List[string]]::new() }
            if ($part -eq 'Examples') { $page.Examples.Add($item) } else { $page.Parameters[$item.Title.TrimStart('-')] = $item }
            continue
        }

        if ($item) { $item.Lines.Add($line) } elseif ($part) { $text[$part].Add($line) }
    }

    foreach ($name in 'Synopsis', 'Description', 'Inputs', 'Outputs', 'Notes', 'Related links') {
        $page[$name] = $text.ContainsKey($name) ? ($text[$name] -join "`n").Trim() : ''
    }

    foreach ($example in $page.Examples) {
        $all = $example.Lines -join "`n"
        $code = [regex]::Match($all, '(?s)```powershell\n(.*?)\n```')
        if (-not $code.Success) { throw "$Path`: '$($example.Title)' has no code." }
        $example.Code = $code.Groups[1].Value
        $example.Remarks = $all.Remove($code.Index, $code.Length).Trim()
    }

    foreach ($parameter in $page.Parameters.Values) {
        $parameter.Text = [regex]::Replace(($parameter.Lines -join "`n"), '(?s)```yaml\n.*?\n```', '').Trim()
    }

    $page
}

function Get-TypeName([type] $Type) {
    $inner = [Nullable]::GetUnderlyingType($Type)
    ($inner ?? $Type).Name
}

function Get-Order($Set) {
    # As PowerShell shows a syntax: by position, then what is required, then the rest, ours before PowerShell's own.
    $Set.Parameters | Where-Object Name -NotIn $common | Sort-Object -Stable `
        { $_.Name -in $own },
        { $_.Name -eq 'WireHome' },
        { $_.Position -lt 0 },
        { $_.Position },
        { -not $_.IsMandatory }
}

function Get-Syntax($Command) {
    foreach ($set in $Command.ParameterSets | Sort-Object Name) {
        $words = foreach ($parameter in Get-Order $set) {
            $name = "-$($parameter.Name)"
            if ($parameter.Position -ge 0) { $name = "[$name]" }
            $value = $parameter.ParameterType -eq [switch] ? '' : " <$(Get-TypeName $parameter.ParameterType)>"
            $parameter.IsMandatory ? "$name$value" : "[$name$value]"
        }

        (@($Command.Name) + $words + '[<CommonParameters>]') -join ' '
    }
}

function Get-PipelineInput($Attributes) {
    $value = $Attributes.ValueFromPipeline -contains $true
    $property = $Attributes.ValueFromPipelineByPropertyName -contains $true
    if ($value -and $property) { 'true (ByValue, ByPropertyName)' }
    elseif ($value) { 'true (ByValue)' }
    elseif ($property) { 'true (ByPropertyName)' }
    else { 'false' }
}

function Get-Fact($Command, [string] $Name) {
    $parameter = $Command.Parameters[$Name]
    $attributes = @($parameter.Attributes | Where-Object { $_ -is [Parameter] })
    $positions = @($attributes.Position | Where-Object { $_ -ge 0 } | Select-Object -Unique)
    $type = [Nullable]::GetUnderlyingType($parameter.ParameterType) ?? $parameter.ParameterType
    $element = $type.IsArray ? $type.GetElementType() : $type
    [pscustomobject]@{
        Name     = $Name
        Type     = Get-TypeName $parameter.ParameterType
        FullType = $type.FullName
        IsSwitch = $type -eq [switch]
        Sets     = @($attributes.ParameterSetName | Where-Object { $_ -ne '__AllParameterSets' } | Sort-Object) -join ', '
        Required = $attributes.Mandatory -contains $true
        Position = $positions.Count ? "$($positions[0])" : 'named'
        Pipeline = Get-PipelineInput $attributes
        Globbing = [bool]($parameter.Attributes | Where-Object { $_ -is [SupportsWildcards] })
        Aliases  = @($parameter.Aliases | Where-Object { $Name -notin $own }) -join ', '
        Values   = $element.IsEnum ? ([enum]::GetNames($element) -join ', ') : ''
        IsArray  = $type.IsArray
    }
}

function Format-Yaml($Facts) {
    $lines = @("Type: $($Facts.Type)")
    if ($Facts.Values) { $lines += "Accepted values: $($Facts.Values)" }
    if ($Facts.Sets) { $lines += "Parameter sets: $($Facts.Sets)" }
    if ($Facts.Aliases) { $lines += "Aliases: $($Facts.Aliases)" }
    $lines += "Required: $("$($Facts.Required)".ToLowerInvariant())", "Position: $($Facts.Position)", "Pipeline input: $($Facts.Pipeline)", "Wildcards: $("$($Facts.Globbing)".ToLowerInvariant())"
    '```yaml' + "`n" + ($lines -join "`n") + "`n" + '```'
}

function Format-Page($Page, $Command) {
    $out = [System.Collections.Generic.List[string]]::new()
    $out.AddRange([string[]]@("# $($Command.Name)", '', '## Synopsis', '', $Page.Synopsis, '', '## Syntax', '', '```text'))
    $out.AddRange([string[]]@(Get-Syntax $Command))
    $out.AddRange([string[]]@('```', '', '## Description', '', $Page.Description, '', '## Examples', ''))
    foreach ($example in $Page.Examples) {
        $out.AddRange([string[]]@("### $($example.Title)", '', '```powershell', $example.Code, '```', '', $example.Remarks, ''))
    }

    $out.AddRange([string[]]@('## Parameters', ''))
    foreach ($name in $Page.Parameters.Keys) {
        $out.AddRange([string[]]@("### -$name", '', $Page.Parameters[$name].Text, '', (Format-Yaml (Get-Fact $Command $name)), ''))
    }

    foreach ($part in 'Inputs', 'Outputs', 'Notes', 'Related links') {
        if ($Page[$part]) { $out.AddRange([string[]]@("## $part", '', $Page[$part], '')) }
    }

    $out -join "`n"
}

function Write-Element([System.Xml.XmlWriter] $Xml, [string] $Prefix, [string] $Name, [string] $Text) {
    $Xml.WriteElementString($Prefix, $Name, $namespaces[$Prefix], $Text)
}

function Open-Element([System.Xml.XmlWriter] $Xml, [string] $Prefix, [string] $Name) {
    $Xml.WriteStartElement($Prefix, $Name, $namespaces[$Prefix])
}

function Write-Paragraph([System.Xml.XmlWriter] $Xml, [string] $Prefix, [string] $Name, [string] $Markdown) {
    Open-Element $Xml $Prefix $Name
    foreach ($paragraph in $Markdown.Replace('`', '') -split '\n\n') {
        if ($paragraph) { Write-Element $Xml 'maml' 'para' $paragraph.Replace("`n", ' ') }
    }

    # Get-Help sets nothing between two examples by itself.
    if ($Name -eq 'remarks') { Write-Element $Xml 'maml' 'para' '' }
    $Xml.WriteEndElement()
}

function Write-Parameter([System.Xml.XmlWriter] $Xml, $Facts, [string] $Text, [bool] $Required, [string] $Position) {
    Open-Element $Xml 'command' 'parameter'
    $Xml.WriteAttributeString('required', "$Required".ToLowerInvariant())
    $Xml.WriteAttributeString('variableLength', "$($Facts.IsArray)".ToLowerInvariant())
    $Xml.WriteAttributeString('globbing', "$($Facts.Globbing)".ToLowerInvariant())
    $Xml.WriteAttributeString('pipelineInput', $Facts.Pipeline)
    $Xml.WriteAttributeString('position', $Position)
    $Xml.WriteAttributeString('aliases', $Facts.Aliases ? $Facts.Aliases : 'none')
    Write-Element $Xml 'maml' 'name' $Facts.Name
    Write-Paragraph $Xml 'maml' 'Description' $Text
    if (-not $Facts.IsSwitch) {
        Open-Element $Xml 'command' 'parameterValue'
        $Xml.WriteAttributeString('required', 'true')
        $Xml.WriteAttributeString('variableLength', "$($Facts.IsArray)".ToLowerInvariant())
        $Xml.WriteString($Facts.Type)
        $Xml.WriteEndElement()
    }

    Open-Element $Xml 'dev' 'type'
    Write-Element $Xml 'maml' 'name' $Facts.FullType
    $Xml.WriteEndElement()
    Write-Element $Xml 'dev' 'defaultValue' ($Facts.IsSwitch ? 'False' : 'None')
    $Xml.WriteEndElement()
}

function Write-TypeList([System.Xml.XmlWriter] $Xml, [string] $List, [string] $Item, [string] $Text) {
    Open-Element $Xml 'command' $List
    Open-Element $Xml 'command' $Item
    Open-Element $Xml 'dev' 'type'
    Write-Element $Xml 'maml' 'name' $Text
    $Xml.WriteEndElement()
    $Xml.WriteEndElement()
    $Xml.WriteEndElement()
}

function Write-Command([System.Xml.XmlWriter] $Xml, $Page, $Command) {
    Open-Element $Xml 'command' 'command'
    Open-Element $Xml 'command' 'details'
    Write-Element $Xml 'command' 'name' $Command.Name
    Write-Element $Xml 'command' 'verb' $Command.Verb
    Write-Element $Xml 'command' 'noun' $Command.Noun
    Write-Paragraph $Xml 'maml' 'description' $Page.Synopsis
    $Xml.WriteEndElement()
    Write-Paragraph $Xml 'maml' 'description' $Page.Description
    Open-Element $Xml 'command' 'syntax'
    foreach ($set in $Command.ParameterSets | Sort-Object Name) {
        Open-Element $Xml 'command' 'syntaxItem'
        Write-Element $Xml 'maml' 'name' $Command.Name
        foreach ($parameter in Get-Order $set) {
            $position = $parameter.Position -ge 0 ? "$($parameter.Position)" : 'named'
            Write-Parameter $Xml (Get-Fact $Command $parameter.Name) $Page.Parameters[$parameter.Name].Text $parameter.IsMandatory $position
        }

        $Xml.WriteEndElement()
    }

    $Xml.WriteEndElement()
    Open-Element $Xml 'command' 'parameters'
    foreach ($name in $Command.Parameters.Keys | Where-Object { $_ -notin $common } | Sort-Object) {
        $facts = Get-Fact $Command $name
        Write-Parameter $Xml $facts $Page.Parameters[$name].Text $facts.Required $facts.Position
    }

    $Xml.WriteEndElement()
    Write-TypeList $Xml 'inputTypes' 'inputType' $Page.Inputs
    Write-TypeList $Xml 'returnValues' 'returnValue' $Page.Outputs
    if ($Page.Notes) {
        Open-Element $Xml 'maml' 'alertSet'
        Write-Paragraph $Xml 'maml' 'alert' $Page.Notes
        $Xml.WriteEndElement()
    }

    Open-Element $Xml 'command' 'examples'
    foreach ($example in $Page.Examples) {
        Open-Element $Xml 'command' 'example'
        Write-Element $Xml 'maml' 'title' $example.Title
        Write-Element $Xml 'dev' 'code' $example.Code
        Write-Paragraph $Xml 'dev' 'remarks' $example.Remarks
        $Xml.WriteEndElement()
    }

    $Xml.WriteEndElement()
    Open-Element $Xml 'command' 'relatedLinks'
    foreach ($link in $Page.'Related links' -split '\n') {
        Open-Element $Xml 'maml' 'navigationLink'
        Write-Element $Xml 'maml' 'linkText' $link.TrimStart('-', ' ')
        Write-Element $Xml 'maml' 'uri' ''
        $Xml.WriteEndElement()
    }

    $Xml.WriteEndElement()
    $Xml.WriteEndElement()
}

function Format-Catalogue {
    $out = [System.Collections.Generic.List[string]]::new()
    $out.AddRange([string[]]@(
            '# Errors', '',
            'Every way in which a command of WirePS can be refused or can fail. The ErrorId is stable: test for it with', '`$_.FullyQualifiedErrorId -like ''WireSasMismatch,*''`. The error record carries the category, and the advice as',
            '`$_.ErrorDetails.RecommendedAction`. In files, in the journal and on the wire the same reason stands in snake_case', 'without `Wire`.', '',
            'This page is made from the code by `tools/Build-Help.ps1`.', '', '| ErrorId | Category | Meaning | What to do |', '| --- | --- | --- | --- |'))
    foreach ($reason in [enum]::GetValues([WirePS.WireReason])) {
        $entry = [WirePS.WireErrorCatalogue]::Of($reason)
        $out.Add("| ``Wire$reason`` | $($entry.Category) | $($entry.Meaning.Replace('|', '\|')) | $($entry.Action.Replace('|', '\|')) |")
    }

    ($out -join "`n") + "`n"
}

function Save-Text([string] $Path, [string] $Text) {
    $present = (Test-Path $Path) ? [System.IO.File]::ReadAllText($Path) : $null
    if ($present -ceq $Text) { return }
    if ($isCheck) { throw "'$Path' is not what the cmdlets and docs/cmdlets say. Run tools/Build-Help.ps1 and commit." }
    $null = New-Item -ItemType Directory -Force (Split-Path $Path)
    [System.IO.File]::WriteAllText($Path, $Text)
    Write-Verbose "wrote $Path"
}

$namespaces = @{
    command = 'http://schemas.microsoft.com/maml/dev/command/2004/10'
    maml    = 'http://schemas.microsoft.com/maml/2004/10'
    dev     = 'http://schemas.microsoft.com/maml/dev/2004/10'
}

$buffer = [System.IO.MemoryStream]::new()
$xml = [System.Xml.XmlWriter]::Create($buffer, [System.Xml.XmlWriterSettings]@{ Indent = $true; NewLineChars = "`n"; Encoding = [System.Text.UTF8Encoding]::new($false) })
$xml.WriteStartElement('helpItems', 'http://msh')
$xml.WriteAttributeString('schema', 'maml')
foreach ($prefix in $namespaces.Keys | Sort-Object) { $xml.WriteAttributeString('xmlns', $prefix, $null, $namespaces[$prefix]) }

foreach ($command in Get-Command -Module WirePS -CommandType Cmdlet | Sort-Object Name) {
    $path = Join-Path $root "docs/cmdlets/$($command.Name).md"
    $page = Read-Page $path
    $expected = @($command.Parameters.Keys | Where-Object { $_ -notin $common } | Sort-Object)
    $described = @($page.Parameters.Keys | Sort-Object)
    if (Compare-Object $expected $described) { throw "$path describes ($described), the cmdlet has ($expected)." }
    if ($page.Examples.Count -lt 2) { throw "$path has fewer than two examples." }
    Save-Text $path (Format-Page $page $command)
    Write-Command $xml $page $command
}

$xml.WriteEndElement()
$xml.Dispose()
Save-Text (Join-Path $root 'en-US/WirePS.Module.dll-Help.xml') ([System.Text.Encoding]::UTF8.GetString($buffer.ToArray()) + "`n")
Save-Text (Join-Path $root 'docs/errors.md') (Format-Catalogue)
